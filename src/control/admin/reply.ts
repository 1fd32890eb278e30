// Requests and replies of the admin port, without sockets.

export interface AdminRequest {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  /** The Accept field. */
  readonly accept: string;
  /** Why this client may not change anything; null: it may. */
  readonly unchanging: string | null;
  /** The Content-Type field, or "". */
  readonly contentType: string;
  /** The body; null where it is larger. */
  read(limitBytes: number): Promise<Uint8Array | null>;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
}

export interface AdminReply {
  readonly status: number;
  readonly contentType: string;
  /** Chunks are sent as they come. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Of a 405. */
  readonly allow?: string;
  /** Content-Security-Policy; left out: nothing may be loaded. */
  readonly policy?: string;
}

/** A JSON reply, laid out for people who use curl. */
export function json(status: number, value: unknown): AdminReply & { readonly body: string } {
  return {
    status,
    contentType: "application/json; charset=utf-8",
    body: `${JSON.stringify(value, null, 2)}\n`,
  };
}
