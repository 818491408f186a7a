export { Integradio } from './integradio.js';
