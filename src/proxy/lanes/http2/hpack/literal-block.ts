// Header blocks of our own, written as literals without indexing: they touch no dynamic table, so that they may stand
// between the blocks of another encoder.

import type { HeaderList } from "../../../../core/headers.ts";
import { writeInteger } from "./encoder.ts";
import { staticNameIndex, staticTable } from "./static-table.ts";

/** Never to be indexed by anybody behind us either (RFC 7541 §7.1.3). */
const sensitive = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/**
 * `fields`: lower-case names; values as octets. `tableBytes`: the dynamic table size that the reader must hear about
 * first (RFC 7541 §4.2); -1: none.
 */
export function encodeLiterals(fields: HeaderList, tableBytes = -1): Buffer {
  let room = 8;
  for (const [name, value] of fields) room += name.length + value.length + 16;
  const out = Buffer.allocUnsafe(room);
  let at = tableBytes < 0 ? 0 : writeInteger(out, 0, 5, 0x20, tableBytes);
  for (const [name, value] of fields) at = writeField(out, at, name, value);
  return out.subarray(0, at);
}

function writeField(out: Buffer, from: number, name: string, value: string): number {
  const index = staticNameIndex(name);
  const whole = wholeIndex(index, name, value);
  if (whole > 0) return writeInteger(out, from, 7, 0x80, whole);
  let at = writeInteger(out, from, 4, sensitive.has(name) ? 0x10 : 0, index);
  if (index === 0) at = writeText(out, at, name);
  return writeText(out, at, value);
}

/** The static entry that says name and value; pseudo-header fields have several. */
function wholeIndex(first: number, name: string, value: string): number {
  if (first === 0 || name.charCodeAt(0) !== 0x3a) return 0;
  for (let i = first; staticTable[i]?.name === name; i++) if (staticTable[i]?.value === value) return i;
  return 0;
}

function writeText(out: Buffer, from: number, text: string): number {
  const at = writeInteger(out, from, 7, 0, text.length);
  return at + out.write(text, at, "latin1");
}
