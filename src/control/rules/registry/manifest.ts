// The manifest: which rules `rules apply` put in force, by digest of their contents, in the order of trying. Also the key of
// rules that belong to an owner. Both are JSON of ours; what else stands there is refused.

import { createHash } from "node:crypto";
import * as z from "zod";

/** One version of the applied rules. */
export interface Manifest {
  readonly format: 1;
  /** Counts from 1. */
  readonly version: number;
  /** Tells this writing from any other one, whatever became of the answer to it. */
  readonly id: string;
  /** Milliseconds since the Unix epoch, on the writer's clock. */
  readonly atMs: number;
  /** `alice@laptop`. */
  readonly author: string;
  /** `apply`, `rollback to 3`, `rm slow-search`. */
  readonly reason: string;
  readonly rules: readonly { readonly name: string; readonly digest: string }[];
}

export interface LeasedRules {
  readonly format: 1;
  readonly owner: string;
  /** The rules are void when the owner has not been heard of for so long. */
  readonly leaseMs: number;
  readonly atMs: number;
  /** As written, in JSON. */
  readonly rules: readonly { readonly name: string; readonly text: string }[];
}

const text = z.string().max(1_000);
const manifest = z.strictObject({
  format: z.literal(1),
  version: z.int().min(1),
  id: text,
  atMs: z.number(),
  author: text,
  reason: text,
  /** NAME@DIGEST each, since all of them must fit into one value of the store. */
  rules: z.array(text.regex(/^[^@]+@[^@]+$/)),
});
const leased = z.strictObject({
  format: z.literal(1),
  owner: text,
  leaseMs: z.number().positive(),
  atMs: z.number(),
  rules: z.array(z.strictObject({ name: text, text: z.string() })),
});

/** undefined: not a manifest. */
export function readManifest(value: string): Manifest | undefined {
  const read = readAs(manifest, value);
  if (read === undefined) return undefined;
  const rules = read.rules.map((reference) => {
    const [name = "", digest = ""] = reference.split("@");
    return { name, digest };
  });
  return { ...read, rules };
}

/** What `readManifest` reads. */
export function writeManifest(written: Manifest): string {
  return JSON.stringify({ ...written, rules: written.rules.map(referenceOf) });
}

/** undefined: something else. */
export function readLeased(value: string): LeasedRules | undefined {
  return readAs(leased, value);
}

function readAs<T>(schema: z.ZodType<T>, value: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}

/** The name of a content's key: equal contents share it, so writing one twice changes nothing. */
export function referenceOf(rule: { readonly name: string; readonly digest: string }): string {
  return `${rule.name}@${rule.digest}`;
}

export function digestOf(value: string): string {
  return createHash("sha256").update(value).digest("hex").slice(0, 32);
}
