// A connection to an upstream as a lane sees it: bytes out, bytes in, and how it ended.

import type { Duplex } from "node:stream";
import type { HostPort } from "./address.ts";

/** How a link ended. `refused` and `timeout`: it was never open. */
export type LinkEnd = "closed" | "reset" | "refused" | "timeout";

/** What a link tells its owner. Called from socket callbacks: must not throw. */
export interface LinkEvents {
  /**
   * Bytes from upstream. `chunk` lies in a buffer that is used again. Answers true where neither this chunk nor an
   * earlier one is held any longer, false where somebody still holds bytes: then the link reads into another buffer.
   */
  data(chunk: Buffer): boolean;
  /** What was written has left; writing may go on. */
  drain(): void;
  /** Upstream sent its FIN; writing is still possible. */
  end(): void;
  /** The link is gone; called once, and nothing after it. `detail` is for people. */
  close(how: LinkEnd, detail: string): void;
}

export interface Link {
  readonly upstream: HostPort;
  /** Queues until connected. False: wait for `drain`. */
  write(chunk: Uint8Array): boolean;
  /** True while written bytes have not left, and their memory is still in use. */
  readonly holdsBytes: boolean;
  /** FIN after what was written. */
  end(): void;
  /** Stops `data` until `resume`; at most one more chunk may come. */
  pause(): void;
  /** Goes on, as soon as the buffer to read into is free. */
  resume(): void;
  /** No chunk that `data` handed out is held any longer: their buffers may be used again. */
  released(): void;
  /** Ends at once, without a further event: FIN, or RST where `reset`. */
  destroy(reset: boolean): void;
}

/** Opens a link; it connects in the background, under the connect deadline. */
export type Dial = (upstream: HostPort, events: LinkEvents) => Link;

/** What a client asked of its TLS peer, to be asked of the upstream in its stead. */
export interface SecureAim {
  readonly upstream: HostPort;
  /** SNI; "" where the client sent none: then the certificate must be that of the upstream's address. */
  readonly serverName: string;
  /** ALPN offers in the client's order; empty where it made none (RFC 7301). */
  readonly protocols: readonly string[];
  /** Opens what TLS is spoken upon; left out: TCP to the upstream. */
  readonly carrier?: () => Carrier;
}

/** A stream to an upstream that may be cut. What it cannot be opened for is its error: connect_failed or connect_timeout. */
export type Carrier = Duplex & { resetAndDestroy(): unknown };

/** An open TLS connection to an upstream that nobody reads from yet. */
export interface SecureChannel {
  /** What ALPN agreed on; null where nothing. */
  readonly protocol: string | null;
  /** True until the upstream has ended it. */
  readonly alive: boolean;
  /** Makes a link of it. Once. */
  attach(events: LinkEvents): Link;
  destroy(): void;
}

/** TLS to upstreams, verified. */
export interface SecureDial {
  /** Resolves once the handshake is done. Rejects with connect_failed (which says why) or connect_timeout. */
  open(aim: SecureAim): Promise<SecureChannel>;
  /** A link that connects in the background. */
  link(aim: SecureAim, events: LinkEvents): Link;
}
