// What a store holds for one audience, and what others hold that it may meet: read in one view, before anything is written.

import { UnderstudyError } from "../../../core/errors.ts";
import type { KeyView } from "../kv/key-value-store.ts";
import {
  type Audience,
  folderOf,
  type KeyMeaning,
  leasedKey,
  manifestKey,
  mayMeet,
  placeOf,
} from "./keys.ts";
import { type LeasedRules, type Manifest, readLeased, readManifest } from "./manifest.ts";

/** A value with the index of its last write. */
export interface Held<T> {
  readonly value: T;
  readonly index: number;
}

export interface RegistryState {
  readonly audience: Audience;
  /** Ends in a slash. */
  readonly folder: string;
  /** null: nothing was ever applied. */
  readonly manifest: Held<Manifest> | null;
  /** As it stands in the store. */
  readonly manifestText: string;
  /** 0: never written. */
  readonly sweepIndex: number;
  /** By NAME@DIGEST. */
  readonly contents: ReadonlyMap<string, Held<string>>;
  /** Written by hand, by name. */
  readonly written: ReadonlyMap<string, Held<string>>;
  /** By id. */
  readonly leased: ReadonlyMap<string, LeasedRules>;
}

/** Rejects with `bad_rules` where the manifest is not one. */
export function registryState(view: KeyView, prefix: string, audience: Audience): RegistryState {
  const folder = folderOf(prefix, audience);
  const contents = new Map<string, Held<string>>();
  const written = new Map<string, Held<string>>();
  const leased = new Map<string, LeasedRules>();
  let manifest: Held<Manifest> | null = null;
  let manifestText = "";
  let sweepIndex = 0;
  const take = (meaning: KeyMeaning, value: string, index: number) => {
    switch (meaning.kind) {
      case "written":
        written.set(meaning.name, { value, index });
        break;
      case "manifest":
        manifestText = value;
        manifest = { value: readManifest(value) ?? refuseManifest(folder), index };
        break;
      case "content":
        contents.set(meaning.reference, { value, index });
        break;
      case "sweep":
        sweepIndex = index;
        break;
      case "leased": {
        const rules = readLeased(value);
        if (rules) leased.set(meaning.id, rules);
        break;
      }
      default:
        meaning satisfies never;
    }
  };
  for (const { key, value, index } of view.keys) {
    const placed = placeOf(prefix, key);
    if (placed && key.startsWith(folder) && sameAudience(placed.audience, audience)) {
      take(placed.meaning, value, index);
    }
  }
  return {
    ...{ audience, folder, manifest, manifestText, sweepIndex, contents, written, leased },
  };
}

function sameAudience(a: Audience, b: Audience): boolean {
  return a.kind === b.kind && (a.kind === "everyone" || b.kind === "everyone" || a.name === b.name);
}

function refuseManifest(folder: string): never {
  const message = `${manifestKey(folder)}: expected a manifest of this program's, got something else`;
  throw new UnderstudyError("bad_rules", message);
}

/** Every audience that has keys below the prefix, everyone first. */
export function audiencesIn(view: KeyView, prefix: string): readonly Audience[] {
  const found = new Map<string, Audience>([["", { kind: "everyone" }]]);
  for (const { key } of view.keys) {
    const audience = placeOf(prefix, key)?.audience;
    if (audience && audience.kind !== "everyone") found.set(folderOf("", audience), audience);
  }
  return [...found.values()];
}

/**
 * Names of rules that some sidecar of `audience` may see, with the key where each stands. `applied`: whether the applied rules
 * of that very audience are among them.
 */
export function namesBeside(
  view: KeyView,
  prefix: string,
  audience: Audience,
  applied: "count" | "ignore",
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const other of audiencesIn(view, prefix).filter((one) => mayMeet(one, audience))) {
    const { folder, written, leased, manifest } = registryState(view, prefix, other);
    for (const name of written.keys()) names.set(name, `${folder}${name}`);
    for (const [id, { rules }] of leased)
      for (const { name } of rules) names.set(name, leasedKey(folder, id));
    if (applied === "ignore" && sameAudience(other, audience)) continue;
    for (const { name } of manifest?.value.rules ?? []) names.set(name, manifestKey(folder));
  }
  return names;
}
