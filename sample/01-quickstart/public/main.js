// @ts-check
import { showAttacks } from './attack-panel.js';
import { showChat } from './chat.js';
import { showChecklist } from './checklist.js';
import { connect } from './connection.js';
import { part } from './dom.js';
import { showEcho } from './echo.js';
import { FramePanel } from './frame-panel.js';
import { loggedIn } from './login.js';
import { showPeople } from './people.js';
import { showSecurity } from './security-panel.js';

const session = await loggedIn();
const frames = new FramePanel();
const client = connect(session, frames.WebSocket);

part('login').hidden = true;
part('panels').hidden = false;
// The page begins at its top, where it was.
part('panels').focus({ preventScroll: true });

showEcho(client);
showChat(client, session);
showAttacks(session);
frames.show(client);
showPeople(session);
showSecurity(client, session);
showChecklist(session);
