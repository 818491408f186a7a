/** Whether two types are the same, and not only assignable to each other as `any` is to everything. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
