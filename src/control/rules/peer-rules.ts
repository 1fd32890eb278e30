// The rules of a store as one sidecar hands them to another while the store is away: whole sets with their digest, never what
// belongs to an owner, since nobody could say whether the owner lives.

import * as z from "zod";
import { revisionOf, type StoredRule } from "./registry/stored-rules.ts";

export interface PeerRules {
  /** The newest write that they know of, on the store's counter. */
  readonly index: number;
  readonly rules: readonly StoredRule[];
}

/** Bytes of an answer; a stream of the mesh takes no more. */
const maxBytes = 8 * 1024 * 1024;

const answer = z.strictObject({
  format: z.literal(1),
  /** Which store, prefix, service and namespace. */
  of: z.string(),
  index: z.int().positive(),
  revision: z.string(),
  rules: z.array(z.strictObject({ place: z.string(), name: z.string(), text: z.string() })).max(20_000),
});

/** null: there is nothing to hand over, or too much. */
export function writePeerRules(of: string, { index, rules }: PeerRules): Uint8Array | null {
  if (index === 0) return null;
  const given = rules.filter(({ leaseMs }) => leaseMs === null);
  const plain = given.map(({ place, name, text }) => ({ place, name, text }));
  const text = JSON.stringify({ format: 1, of, index, revision: revisionOf(given), rules: plain });
  const bytes = Buffer.from(text);
  return bytes.length < maxBytes ? bytes : null;
}

/** null: the rules of somebody else, or not what the digest says. */
export function readPeerRules(of: string, bytes: Uint8Array): PeerRules | null {
  if (bytes.length > maxBytes) return null;
  try {
    const { data } = answer.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    if (data?.of !== of) return null;
    const rules = data.rules.map((rule) => ({ ...rule, leaseMs: null }));
    return revisionOf(rules) === data.revision ? { index: data.index, rules } : null;
  } catch {
    return null;
  }
}
