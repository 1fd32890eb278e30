// Tells programs on one address apart by how they say hello: a browser, curl, a health check and a service each offer other
// suites and extensions. Of the fingerprints in use (JA3, JA4), in what is taken and what is left out.

import { createHash } from "node:crypto";
import { HelloReader, joinRecords } from "./hello-message.ts";

/** What depends on the server or on an earlier session, and not on the program: RFC 8446 §4.2, RFC 7685. */
const passing: ReadonlySet<number> = new Set([
  0, // server_name
  21, // padding
  35, // session_ticket
  41, // pre_shared_key
  42, // early_data
  44, // cookie
]);
const alpnExtension = 16;

/** Equal for the same program, whomever it speaks to. `hello`: bytes of records that hold a whole ClientHello. */
export function clientKind(hello: Buffer): string {
  const message = joinRecords(hello);
  if (typeof message === "string") return "";
  const reader = new HelloReader(message);
  const suites = reader.cipherSuites();
  const digest = createHash("sha256");
  for (let at = 0; at + 1 < suites.length; at += 2) {
    const suite = suites.readUInt16BE(at);
    if (!isGrease(suite)) digest.update(`${suite} `);
  }
  const types: number[] = [];
  for (const [type, body] of reader.extensions()) {
    if (type === alpnExtension) digest.update(body);
    if (!passing.has(type) && !isGrease(type)) types.push(type);
  }
  // Browsers send them in another order each time.
  return digest
    .update(types.sort((a, b) => a - b).join(" "))
    .digest("base64")
    .slice(0, 16);
}

/** RFC 8701: values that stand for nothing, drawn anew each time. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}
