"""A minimal client of `semantic-events.v1`, written from PROTOCOL.md alone. It needs the package websockets.

Usage: minimal_client.py URL TOKEN EVENT_TYPE DATA_AS_JSON
Prints the data of the reply as JSON, or the code of a refusal to stderr, with exit code 1.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import uuid

import websockets


def canonical(value):
    """RFC 8785, for data without numbers that are no integers."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(n) + ":" + canonical(value[n]) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, float):
        raise ValueError("write numbers as ECMAScript does before you sign them")
    return json.dumps(value, ensure_ascii=False)


def signature(event, direction, signing):
    key = base64.urlsafe_b64decode(signing["key"] + "=" * (-len(signing["key"]) % 4))
    unsigned = {name: value for name, value in event.items() if name != "semanticsignature"}
    text = "v1." + direction + "." + canonical(unsigned)
    mac = hmac.new(key, text.encode("utf-8"), hashlib.sha256).digest()
    encoded = base64.urlsafe_b64encode(mac).decode().rstrip("=")
    return "v1." + signing["key_id"] + "." + encoded


async def receive(socket, wanted):
    """Ignores frames of other types; ends at an error."""
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), 10))
        if frame["type"] == "error":
            sys.exit(frame["code"])
        if wanted(frame):
            return frame


async def main(url, token, event_type, data):
    # The server does not negotiate permessage-deflate.
    async with websockets.connect(
        url, subprotocols=["semantic-events.v1"], compression=None
    ) as socket:
        await socket.send(json.dumps({"type": "ping"}))
        pong = await receive(socket, lambda frame: frame["type"] == "pong")
        await socket.send(json.dumps({"type": "auth", "token": token}))
        success = await receive(socket, lambda frame: frame["type"] == "auth_success")
        event = {
            "specversion": "1.0",
            "type": event_type,
            "source": "minimal-client",
            "id": str(uuid.uuid4()),
            "time": pong["time"],
            "semanticnonce": uuid.uuid4().hex,
            "data": data,
        }
        event["semanticsignature"] = signature(event, "c2s", success["signing"])
        await socket.send(json.dumps({"type": "event", "event": event}))
        reply = await receive(
            socket,
            lambda frame: frame["type"] == "event"
            and frame["event"].get("semanticcorrelationid") == event["id"],
        )
        answer = reply["event"]
        expected = signature(answer, "s2c", success["signing"])
        if not hmac.compare_digest(expected, answer["semanticsignature"]):
            sys.exit("the reply is not signed by the server")
        print(json.dumps(answer.get("data")))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])))
