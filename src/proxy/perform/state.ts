// Scenarios: the current value of each named state, kept per key (a session, a user), within a bound.
// How a call's key is read is in core/state-key.ts, because matching reads it too.

import { createRequire } from "node:module";

/** node:crypto is loaded with the first long key. */
const load = createRequire(import.meta.url);

export interface States {
  /** Current value; undefined before the first change, and after a long time without use. */
  get(name: string, key: string): string | undefined;
  set(name: string, key: string, value: string): void;
  clear(): void;
  /** Pairs of name and key that hold a value. */
  readonly size: number;
}

const maxPlainKeyLength = 256;

/** Holds at most `maxEntries` values; beyond it the one that was used least recently goes. */
export function createStates(maxEntries: number): States {
  // A Map iterates in order of insertion: re-inserting on use keeps the least recently used entry first.
  const values = new Map<string, string>();
  return {
    get(name, key) {
      const id = idOf(name, key);
      const value = values.get(id);
      if (value === undefined) return undefined;
      values.delete(id);
      values.set(id, value);
      return value;
    },
    set(name, key, value) {
      const id = idOf(name, key);
      values.delete(id);
      values.set(id, value);
      if (values.size <= maxEntries) return;
      for (const oldest of values.keys()) {
        values.delete(oldest);
        break;
      }
    },
    clear: () => values.clear(),
    get size() {
      return values.size;
    },
  };
}

function idOf(name: string, key: string): string {
  // A key comes from the caller, so its length must not decide how much memory an entry takes.
  const bounded = key.length <= maxPlainKeyLength ? key : `sha256 ${digestOf(key)}`;
  return `${name.length} ${name}${bounded}`;
}

function digestOf(key: string): string {
  const { createHash } = load("node:crypto") as typeof import("node:crypto");
  return createHash("sha256").update(key).digest("base64");
}
