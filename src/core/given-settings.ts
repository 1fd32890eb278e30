// Settings of which a program names only those that it wants otherwise. What it passes may come from plain JavaScript, where
// nobody has looked at it: a limit that is no number would be no limit.

import { UnderstudyError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { type Deadlines, defaultSettings, type Limits, type Settings } from "./settings.ts";

/** What is left out, or undefined, is as in `defaultSettings`; `portHints` and `opaqueHosts` are taken as they are. */
export interface GivenSettings extends Partial<Omit<Settings, "limits" | "deadlines">> {
  readonly limits?: Partial<Limits>;
  readonly deadlines?: Partial<Deadlines>;
}

/** Throws `bad_config` for a name that is none, and for a value of another kind. */
export function settingsFrom(given: GivenSettings): Settings {
  const { limits, deadlines } = defaultSettings;
  return Object.freeze({
    ...merged(defaultSettings, given, "settings"),
    limits: Object.freeze(merged(limits, given.limits ?? {}, "settings.limits")),
    deadlines: Object.freeze(merged(deadlines, given.deadlines ?? {}, "settings.deadlines")),
  });
}

function merged<Fields extends object>(usual: Fields, given: object, place: string): Fields {
  if (!isMapping(given)) throw wrong(place, "an object of settings", given);
  const known = new Map<string, unknown>(Object.entries(usual));
  const changes = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of changes) {
    const usualValue = known.get(name);
    if (usualValue === undefined) throw unknownName(`${place}.${name}`, nearest(name, [...known.keys()]));
    const expected = expectation(usualValue);
    if (!expected.fits(value)) throw wrong(`${place}.${name}`, expected.text, value);
  }
  return { ...usual, ...Object.fromEntries(changes) };
}

function expectation(usual: unknown): { readonly text: string; fits(value: unknown): boolean } {
  if (typeof usual === "number")
    return {
      text: "a number from 0 on",
      fits: (value) => typeof value === "number" && value >= 0 && value !== Number.POSITIVE_INFINITY,
    };
  if (Array.isArray(usual)) return { text: "a list of hosts", fits: Array.isArray };
  if (usual instanceof Map) return { text: "a Map of ports", fits: (value) => value instanceof Map };
  return { text: "an object of settings", fits: isMapping };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unknownName(place: string, near: string | undefined): UnderstudyError {
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return new UnderstudyError("bad_config", `${place}: no such setting${hint}`);
}

function wrong(place: string, expected: string, got: unknown): UnderstudyError {
  const shown = typeof got === "number" ? String(got) : JSON.stringify(got);
  return new UnderstudyError("bad_config", `${place}: expected ${expected}, got ${shown}`);
}
