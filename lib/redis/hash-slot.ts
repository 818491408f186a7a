/** The number of hash slots of a Redis Cluster. */
const SLOTS = 16_384;

/** Returns the hash slot of a text: CRC-16/XMODEM, as the Redis Cluster specification defines it. */
export function hashSlot(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc % SLOTS;
}

/** Returns hash tags with evenly distributed slots, so that masters with equal ranges store equal shares. */
export function spreadTags(count: number): string[] {
  const tags = new Map<number, string>();
  for (let candidate = 0; tags.size < count; candidate++) {
    const part = Math.floor((hashSlot(`${candidate}`) * count) / SLOTS);
    if (!tags.has(part)) tags.set(part, `${candidate}`);
  }
  return Array.from({ length: count }, (_, part) => tags.get(part) as string);
}
