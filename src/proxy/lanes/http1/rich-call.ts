// What the rich road is lent for one claimed call, and what it answers.

import type { Connection } from "../../../core/connection.ts";
import type { RequestHead } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Claim, Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import type { BodyPipe } from "../body-pipe.ts";
import type { Call } from "./call.ts";
import type { DrainWaiters } from "./drain-waiters.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

/** What the session lends the road for one call. */
export interface RichCall {
  readonly claim: Claim;
  readonly call: Call;
  readonly head: RequestHead;
  readonly minorVersion: 0 | 1;
  /** Length of the request body by its framing; null for chunked. */
  readonly bodyBytes: number | null;
  readonly body: BodyPipe;
  readonly bodyBegun: Promise<void>;
  /** The client wants to keep the connection, and it can be kept. */
  readonly keepAlive: boolean;
}

export interface RichRoadDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly half: UpstreamHalf;
  /** Writes downstream; resolves when more may be written, rejects when the downstream is gone. */
  readonly write: (bytes: Uint8Array) => Promise<void> | undefined;
  /** The connection becomes a tunnel to what `open` gives. */
  readonly tunnelTo: (open: (events: LinkEvents) => Link) => void;
  /** An interim response (1xx) on its way to the downstream. */
  readonly interim: (status: number, headers: HeaderList) => void;
  /** The request is with the link to its last byte. */
  readonly requestSent: () => void;
  /** The reply is written to its end; the request may still be on its way upstream. */
  readonly replied: () => void;
  /** Woken when the link can take more, and when it has ended. */
  readonly linkDrain: DrainWaiters;
}

/** What becomes of the connection after the call. */
export type AfterCall = "next" | "close" | "reset" | "tunnel";
