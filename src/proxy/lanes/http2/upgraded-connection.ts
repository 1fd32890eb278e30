// A connection that began as HTTP/1 and goes on as HTTP/2 (RFC 7540 §3.2). Its link has been dialled, and its first request
// is there: it is stream 1, which the client has ended, and the response comes as frames.
//
//   client    GET, HTTP2-Settings ──►                        preface, SETTINGS, HEADERS 3 … ──►
//   upstream                       ◄── 101 │ SETTINGS, HEADERS 1, DATA 1 …
//                              HTTP/1 lane │ this

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import { Http2Call } from "./call.ts";
import { createFixedReplies } from "./fixed-replies.ts";
import { PeerSettings } from "./peer-settings.ts";
import { Http2Head } from "./request-head.ts";
import { Http2Session } from "./session.ts";

/** The request that asked for it, as far as its response depends on it. */
export interface UpgradingRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** The content-type, where it speaks gRPC; else null. */
  readonly grpcType: string | null;
  /** The client's first SETTINGS; the 101 has acknowledged them. */
  readonly settings: Buffer;
  /** On `clock.now()`. */
  readonly startedAt: number;
  readonly requestBytes: number;
}

export class UpgradedConnection implements LinkEvents {
  readonly #session: Http2Session;
  readonly #request: UpgradingRequest;

  /** `connection` names its destination. */
  constructor(connection: Connection, traffic: Traffic, request: UpgradingRequest) {
    this.#session = new Http2Session(connection, traffic, createFixedReplies());
    this.#request = request;
  }

  /** `link` is paused. `first`: bytes of the client that were read before. */
  start(link: Link, first: Buffer | null): void {
    const { connection, traffic } = this.#session;
    const { method, authority, path, grpcType, settings, startedAt, requestBytes } = this.#request;
    const head = new Http2Head([], 0);
    head.method = method;
    head.authority = authority;
    head.path = path;
    head.grpcType = grpcType;
    const call = new Http2Call(connection, head, traffic, startedAt);
    call.requestBytes = requestBytes;
    this.#session.startUpgraded(link, { head, call, settings }, first);
  }

  drainConnection(): void {
    this.#session.drain();
  }

  data(chunk: Buffer): boolean {
    return this.#session.up.data(chunk);
  }

  drain(): void {
    this.#session.up.drain();
  }

  end(): void {
    this.#session.up.end();
  }

  close(how: LinkEnd, detail: string): void {
    this.#session.up.close(how, detail);
  }
}

/**
 * The payload of HTTP2-Settings (RFC 7540 §3.2.1). null: it is none, or it allows a larger header table than is kept here,
 * which cannot be lowered any more.
 */
export function upgradeSettings(text: string): Buffer | null {
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text)) return null;
  const payload = Buffer.from(text, "base64url");
  const taken = Buffer.from(payload);
  if (new PeerSettings().take(taken, 0, taken.length) !== null) return null;
  return taken.equals(payload) ? payload : null;
}
