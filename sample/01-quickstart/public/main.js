// @ts-check
import { showAttacks } from './attack-panel.js';
import { showChat } from './chat.js';
import { showChecklist } from './checklist.js';
import { connect } from './connection.js';
import { part } from './dom.js';
import { showEcho } from './echo.js';
import { loggedIn } from './login.js';
import { showSecurity } from './security-panel.js';

const session = await loggedIn();
const client = connect(session);

part('login').hidden = true;
part('panels').hidden = false;
part('panels').focus();

showEcho(client);
showChat(client, session);
showAttacks(session);
showSecurity(client);
showChecklist(session);
