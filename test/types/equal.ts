/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- the type parameter is the trick */

/** Whether two types are identical, not only mutually assignable like `any`. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what must not be taken for a string
export const anyIsNoString: Equal<any, string> = false;
export const maybeIsNotAlways: Equal<string | undefined, string> = false;
