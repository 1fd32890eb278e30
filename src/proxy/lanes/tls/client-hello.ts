// What a ClientHello asks for: server name, ALPN, and the kind of certificate (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1).
// Pure.

import { HelloReader, joinRecords } from "./hello-message.ts";
import { type SuitableLeaf, suitableLeaf } from "./suitable-leaf.ts";

export interface ClientHello {
  /**
   * SNI in lower case, without the dot of the root at its end, which is no part of it (RFC 6066 §3); "" where there is none,
   * null where what stands there is no host name.
   */
  readonly serverName: string | null;
  /** ALPN offers in the client's order; empty where it makes none. */
  readonly protocols: readonly string[];
  readonly leaf: SuitableLeaf;
  /** What may have signed a certificate (RFC 8446 §4.2.3); null where it does not say so apart. */
  readonly certificateSchemes: readonly number[] | null;
}

const serverNameExtension = 0;
const groupsExtension = 10;
const signaturesExtension = 13;
const alpnExtension = 16;
const versionsExtension = 43;
const certificateSignaturesExtension = 50;

/** `not-hello`: it is no ClientHello, or a malformed one. */
export function readClientHello(bytes: Buffer): ClientHello | "need-more" | "not-hello" {
  const message = joinRecords(bytes);
  if (typeof message === "string") return message;
  const reader = new HelloReader(message);
  const legacyVersion = reader.legacyVersion();
  const suites = uint16sIn(reader.cipherSuites());
  const extensions = new Map(reader.extensions());
  if (reader.failed) return "not-hello";
  const numbersIn = (type: number, lengthBytes: number) => {
    const extension = extensions.get(type);
    return extension ? uint16sIn(extension.subarray(lengthBytes)) : null;
  };
  return {
    serverName: serverNameIn(new HelloReader(extensions.get(serverNameExtension) ?? nothing)),
    protocols: protocolsIn(new HelloReader(extensions.get(alpnExtension) ?? nothing)),
    leaf: suitableLeaf({
      legacyVersion,
      suites,
      versions: numbersIn(versionsExtension, 1),
      signatures: numbersIn(signaturesExtension, 2),
      groups: numbersIn(groupsExtension, 2),
    }),
    certificateSchemes: numbersIn(certificateSignaturesExtension, 2),
  };
}

const nothing = Buffer.alloc(0);

/** Without what half of a number is left over. */
function uint16sIn(list: Buffer): readonly number[] {
  return Array.from({ length: list.length >> 1 }, (_, at) => list.readUInt16BE(at * 2));
}

function serverNameIn(list: HelloReader): string | null {
  list.skip(2);
  while (!list.failed && !list.atEnd) {
    const type = list.uint8();
    const name = list.take(list.uint16()).toString("latin1");
    // Host names only: what else stands there must reach neither a certificate nor a log line.
    if (type === 0 && !list.failed)
      return /^[A-Za-z0-9._-]{1,253}$/.test(name) ? name.toLowerCase().replace(/\.$/, "") : null;
  }
  return "";
}

function protocolsIn(list: HelloReader): readonly string[] {
  list.skip(2);
  const names: string[] = [];
  while (!list.failed && !list.atEnd) names.push(list.take(list.uint8()).toString("latin1"));
  return list.failed ? [] : names.filter((name) => name !== "");
}
