// One row of the table of options.

import type { Kind } from "./kinds.ts";

/** A setting: how it is called, read and explained. */
export interface Option<T> {
  /** Name in the config file, sections parted by a dot: `limits.maxHeadBytes`. */
  readonly key: string;
  readonly kind: Kind<T>;
  /** null may also mean: the command decides. */
  readonly fallback: T;
  /** One line of meaning. */
  readonly summary: string;
}

/** Shorter to write. */
export function option<T>(key: string, kind: Kind<T>, fallback: T, summary: string): Option<T> {
  return { key, kind, fallback, summary };
}
