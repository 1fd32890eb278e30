// What a client could be shown and spoken to with, as its ClientHello says it (RFC 8446 §4.1.2). Read only of connections that are
// to be opened. Pure.

import { HelloReader, joinRecords } from "./hello-message.ts";

/** null where the ClientHello lacks the extension. Numbers as IANA registers them. */
export interface Offers {
  readonly legacyVersion: number;
  readonly suites: readonly number[];
  readonly versions: readonly number[] | null;
  /** What may be signed with in the handshake (RFC 8446 §4.2.3). */
  readonly signatures: readonly number[] | null;
  /** What may have signed a certificate, where that is said apart. */
  readonly certificateSignatures: readonly number[] | null;
  readonly groups: readonly number[] | null;
}

const groupsExtension = 10;
const signaturesExtension = 13;
const versionsExtension = 43;
const certificateSignaturesExtension = 50;

/** `hello`: bytes of records that hold a whole ClientHello. */
export function readOffers(hello: Buffer): Offers {
  const message = joinRecords(hello);
  const reader = new HelloReader(typeof message === "string" ? Buffer.alloc(0) : message);
  const legacyVersion = reader.legacyVersion();
  const suites = numbersIn(reader.cipherSuites());
  const extensions = new Map(reader.extensions());
  const listOf = (type: number, lengthBytes: number) => {
    const extension = extensions.get(type);
    return extension ? numbersIn(extension.subarray(lengthBytes)) : null;
  };
  return {
    legacyVersion,
    suites,
    versions: listOf(versionsExtension, 1),
    signatures: listOf(signaturesExtension, 2),
    certificateSignatures: listOf(certificateSignaturesExtension, 2),
    groups: listOf(groupsExtension, 2),
  };
}

/** Two bytes each, without what half of a number is left over. */
function numbersIn(list: Buffer): readonly number[] {
  return Array.from({ length: list.length >> 1 }, (_, at) => list.readUInt16BE(at * 2));
}
