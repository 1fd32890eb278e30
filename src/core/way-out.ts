// How connections leave where they may not go directly: through a forward proxy.

import { formatHostPort, type HostPort } from "./address.ts";

export interface WayOut {
  /** Spoken to over plain HTTP. */
  readonly proxy: HostPort;
  /** Value of Proxy-Authorization (RFC 9110 §11.7.2); null: it asks for none. */
  readonly authorization: string | null;
  /** Whether an upstream is reached without it. */
  spares(upstream: HostPort): boolean;
}

/** The request for a tunnel to `upstream` (RFC 9110 §9.3.6). */
export function tunnelRequest({ authorization }: WayOut, upstream: HostPort): Buffer {
  const place = formatHostPort(upstream);
  const credentials = authorization === null ? "" : `Proxy-Authorization: ${authorization}\r\n`;
  return Buffer.from(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${credentials}\r\n`, "latin1");
}
