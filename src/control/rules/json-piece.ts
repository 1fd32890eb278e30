// The fast road for rules in JSON: the engine's parser, unless something in the text needs a second look.

import { isMapping } from "./schema/mapping.ts";

const maxDepth = 100;

/** The value of a JSON text; undefined where it is malformed, repeats a key, nests too deeply or names `__proto__`. */
export function readJson(text: string): { readonly value: unknown } | undefined {
  if (text.includes("__proto__")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    // JSON.parse silently keeps the last of two equal keys: then fewer keys came out than were written.
    return countKeys(value, 0) === countWrittenKeys(text) ? { value } : undefined;
  } catch {
    return undefined;
  }
}

function countKeys(value: unknown, depth: number): number {
  if (depth > maxDepth) return Number.NaN;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += countKeys(item, depth + 1);
  else if (isMapping(value)) for (const key in value) count += 1 + countKeys(value[key], depth + 1);
  return count;
}

/** Outside of strings a colon stands behind each key and nowhere else (RFC 8259 §4). */
function countWrittenKeys(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a) count++;
    else if (code === 0x22) {
      for (at++; text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
    }
  }
  return count;
}
