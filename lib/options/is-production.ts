/**
 * The value `production` in any case, with any characters around it. `set NODE_ENV=production && node main` on Windows adds a space,
 * an env file with Windows line ends a carriage return, and Docker keeps the quotation marks of an env file.
 */
const PRODUCTION = /^\W*production\W*$/i;

/** Returns whether the application runs in production. */
export function isProduction({ NODE_ENV = '' }: NodeJS.ProcessEnv = process.env): boolean {
  return PRODUCTION.test(NODE_ENV);
}
