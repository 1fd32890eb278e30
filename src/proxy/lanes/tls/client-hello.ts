// What a ClientHello asks for: server name and ALPN (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1). Pure.

import { HelloReader, joinRecords } from "./hello-message.ts";

export interface ClientHello {
  /**
   * SNI in lower case, without the dot of the root at its end, which is no part of it (RFC 6066 §3); "" where there is none,
   * null where what stands there is no host name.
   */
  readonly serverName: string | null;
  /** ALPN offers in the client's order; empty where it makes none. */
  readonly protocols: readonly string[];
}

const serverNameExtension = 0;
const alpnExtension = 16;

/** `not-hello`: it is no ClientHello, or a malformed one. */
export function readClientHello(bytes: Buffer): ClientHello | "need-more" | "not-hello" {
  const message = joinRecords(bytes);
  if (typeof message === "string") return message;
  const reader = new HelloReader(message);
  reader.cipherSuites();
  let serverName: string | null = "";
  let protocols: readonly string[] = [];
  for (const [type, extension] of reader.extensions()) {
    if (type === serverNameExtension) serverName = serverNameIn(new HelloReader(extension));
    else if (type === alpnExtension) protocols = protocolsIn(new HelloReader(extension));
  }
  return reader.failed ? "not-hello" : { serverName, protocols };
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
