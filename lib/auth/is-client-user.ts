import { type ClientUser, isId, isUserId, MAX_ID_LENGTH } from '../options/index.js';

/** Returns whether a value is an object with a valid id. `true`, an empty object or a string is not a user. */
export function isClientUser(value: unknown): value is ClientUser {
  if (typeof value !== 'object' || value === null || !('id' in value)) return false;
  if (!isUserId(value.id)) return false;
  return hasValidSession(value) && hasValidIssueTime(value);
}

/** Checks the session id. One of another type would never match when the session is ended. */
function hasValidSession(user: object): boolean {
  return !('sessionId' in user) || user.sessionId === undefined || isId(user.sessionId);
}

/** Checks the issue time. A log-out could not compare a value of another type. */
function hasValidIssueTime(user: object): boolean {
  return !('issuedAt' in user) || user.issuedAt === undefined || Number.isFinite(user.issuedAt);
}

/** Returns why a value is not a user, for operators. It names members and contains no values. */
export function userProblem(value: unknown): string {
  if (value === undefined || value === null || value === false) return `no user: ${String(value)}`;
  if (typeof value !== 'object') return `the user is a ${typeof value} and must be an object`;
  if (!('id' in value) || value.id === undefined) return missingId(Object.keys(value));
  if (!isUserId(value.id))
    return `id of the user must be a whole number, or a string of 1 to ${MAX_ID_LENGTH} characters`;
  if (!hasValidSession(value))
    return `sessionId of the user must be a string of 1 to ${MAX_ID_LENGTH} characters`;
  return 'issuedAt of the user must be a number of milliseconds since the Unix epoch';
}

/** Names of members that applications often store the user id in. */
const OTHER_IDS = ['userId', 'sub', 'uid', '_id', 'user_id'];

function missingId(members: readonly string[]): string {
  const other = members.find(name => OTHER_IDS.includes(name));
  return other === undefined
    ? 'the user has no id'
    : `the user has no id but has ${other}: map it by toUser, such as toUser: user => ({ id: user.${other} })`;
}
