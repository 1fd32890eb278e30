// How much of an answer of Consul is taken: the package gathers bodies of any size, and a server, or whoever stands in its
// place, must not fill the memory of a sidecar. The hooks are those that the package's HTTP client (papi) has for extensions:
// the body goes into a sink of ours, which gives the request up where it grows too large.

import type { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import type Consul from "consul";

/** What papi keeps of a request, as far as it concerns this. */
interface Request {
  readonly ctx?: EventEmitter & { tooLarge?: boolean };
  readonly state: { chunks?: Buffer[] };
  pipe?: Writable;
  readonly res?: { readonly headers: Readonly<Record<string, string | undefined>>; body?: unknown };
  err?: unknown;
}

type Step = (request: Request, next: () => void) => void;

/** From now on requests of `client` are cancelled where the answer exceeds `maxBytes`; `tooLarge` of their `ctx` says so. */
export function boundAnswers(client: Consul, maxBytes: number): void {
  // The package's types leave papi's own methods out.
  const { _ext: extend } = client as unknown as { _ext(event: string, step: Step): void };
  extend.call(client, "onRequest", (request, next) => {
    const chunks: Buffer[] = [];
    request.state.chunks = chunks;
    request.pipe = sinkInto(chunks, maxBytes, () => {
      if (!request.ctx) return;
      request.ctx.tooLarge = true;
      request.ctx.emit("cancel");
    });
    next();
  });
  extend.call(client, "onResponse", (request, next) => {
    const { res, state } = request;
    if (res && state.chunks && state.chunks.length > 0) {
      try {
        res.body = bodyOf(state.chunks, res.headers["content-type"] ?? "");
      } catch (thrown) {
        request.err ??= thrown;
      }
    }
    next();
  });
}

function sinkInto(chunks: Buffer[], maxBytes: number, full: () => void): Writable {
  let bytes = 0;
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else if (chunks.length > 0) {
        chunks.length = 0;
        full();
      }
      done();
    },
  });
}

/** Throws where JSON is announced and something else comes. */
function bodyOf(chunks: readonly Buffer[], type: string): unknown {
  const text = Buffer.concat(chunks).toString("utf8");
  return type.startsWith("application/json") ? JSON.parse(text) : text;
}
