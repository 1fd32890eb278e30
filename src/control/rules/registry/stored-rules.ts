// The rules of one view of a store, for one sidecar: found by their keys, put in order, each with the place to blame. What is
// written here is text still; see parse-stored.ts.

import { createHash } from "node:crypto";
import type { Problem } from "../../../core/rule-source.ts";
import type { KeyView } from "../kv/key-value-store.ts";
import {
  type Audience,
  type Belonging,
  concerns,
  contentKey,
  folderOf,
  manifestKey,
  placeOf,
} from "./keys.ts";
import { digestOf, readLeased, readManifest, referenceOf } from "./manifest.ts";

/** One rule as text. */
export interface StoredRule {
  /** The key, as problems show it. */
  readonly place: string;
  /** What the rule must be called. */
  readonly name: string;
  /** YAML or JSON of one rule. */
  readonly text: string;
  /** How long it is good without word from the store; null: for ever. */
  readonly leaseMs: number | null;
}

export interface StoredRules {
  readonly rules: readonly StoredRule[];
  readonly problems: readonly Problem[];
}

interface Found {
  readonly key: string;
  readonly value: string;
  readonly audience: Audience;
}

/** In the order of trying: written by hand (by name), applied (as listed), leased; of everyone, the namespace, the service. */
export function storedRules(view: KeyView, prefix: string, belonging: Belonging): StoredRules {
  const contents = new Map<string, string>();
  const written: (Found & { readonly name: string })[] = [];
  const manifests: Found[] = [];
  const leases: Found[] = [];
  const problems: Problem[] = [];
  for (const { key, value } of view.keys) {
    const placed = placeOf(prefix, key);
    if (placed === undefined) problems.push({ place: key, path: "", message: strayKey });
    if (!placed || !concerns(placed.audience, belonging)) continue;
    const { audience, meaning } = placed;
    if (meaning.kind === "written") written.push({ key, value, audience, name: meaning.name });
    else if (meaning.kind === "manifest") manifests.push({ key, value, audience });
    else if (meaning.kind === "content") contents.set(key, value);
    else if (meaning.kind === "leased") leases.push({ key, value, audience });
  }
  for (const found of [written, manifests, leases]) found.sort((a, b) => rankOf(a) - rankOf(b));
  const rules = [
    ...written.map(({ key, name, value }) => ({ place: key, name, text: value, leaseMs: null })),
    ...manifests.flatMap((found) => listedRules(found, prefix, contents, problems)),
    ...leases.flatMap((found) => ownedRules(found, problems)),
  ];
  return { rules, problems };
}

const strayKey =
  "expected the name of a rule (letters, digits, - and .), @service/NAME/… or @namespace/NAME/… after the prefix";

/** Sorting is stable: within an audience the keys keep their order. */
function rankOf({ audience }: Found): number {
  return ["everyone", "namespace", "service"].indexOf(audience.kind);
}

function listedRules(
  { key, value, audience }: Found,
  prefix: string,
  contents: ReadonlyMap<string, string>,
  problems: Problem[],
): readonly StoredRule[] {
  const manifest = readManifest(value);
  if (manifest === undefined) {
    problems.push({
      place: key,
      path: "",
      message: "expected a manifest of this program's, got something else",
    });
    return [];
  }
  const folder = folderOf(prefix, audience);
  return manifest.rules.flatMap((rule, index) => {
    const place = contentKey(folder, referenceOf(rule));
    const text = contents.get(place);
    if (text !== undefined && digestOf(text) === rule.digest) {
      return [{ place, name: rule.name, text, leaseMs: null }];
    }
    const got = text === undefined ? "no such key" : "another content";
    const message = `expected ${place} with the content of that digest, got ${got}`;
    problems.push({ place: manifestKey(folder), path: `rules[${index}]`, message });
    return [];
  });
}

function ownedRules({ key, value }: Found, problems: Problem[]): readonly StoredRule[] {
  const leased = readLeased(value);
  if (leased === undefined) {
    problems.push({
      place: key,
      path: "",
      message: "expected leased rules of this program's, got something else",
    });
    return [];
  }
  const { rules, leaseMs } = leased;
  return rules.map(({ name, text }) => ({ place: key, name, text, leaseMs }));
}

/** Equal for equal rules, wherever the store's counter stands. */
export function revisionOf(rules: readonly StoredRule[]): string {
  const hash = createHash("sha256");
  for (const { place, name, text } of rules) hash.update(`${place}\0${name}\0${text}\0`);
  return hash.digest("hex").slice(0, 16);
}
