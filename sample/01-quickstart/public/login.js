// @ts-check
import { part } from './dom.js';
import { HttpError, logIn } from './http.js';

/**
 * Resolves when a user has logged in.
 *
 * @returns {Promise<import('./http.js').Session>}
 */
export function loggedIn() {
  /** @type {HTMLFormElement} */
  const form = part('login-form');
  const result = part('login-result');
  if (!isSecureContext)
    result.textContent = 'Browsers offer no cryptography on this address: use https or localhost.';
  return new Promise(resolve => {
    form.addEventListener('submit', async event => {
      event.preventDefault();
      const fields = new FormData(form);
      result.textContent = '';
      try {
        resolve(await logIn(String(fields.get('user')), String(fields.get('password'))));
      } catch (error) {
        result.textContent = whyNot(error);
      }
    });
  });
}

/** @param {unknown} error */
function whyNot(error) {
  if (!(error instanceof HttpError)) return 'The server cannot be reached.';
  if (error.status === 429) return 'Too many attempts: wait a minute.';
  return 'Wrong password.';
}
