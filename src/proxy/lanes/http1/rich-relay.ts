// The relay terminal of the rich road: sends an exchange upstream over the pinned link and turns the response into a
// Reply whose body streams under backpressure.

import type { HostPort } from "../../../core/address.ts";
import { emptyBody } from "../../../core/body.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { Exchange, Reply } from "../../../core/exchange.ts";
import { type HeaderList, headerValue, withHeader, withoutHeader } from "../../../core/headers.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { Call } from "./call.ts";
import { encodeChunk, encodeLastChunk, encodeRequestHead } from "./encode.ts";
import { withoutHttp2Ask } from "./h2c.ts";
import type { ResponseSink } from "./response-sink.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

export interface RichRelayDeps {
  readonly half: UpstreamHalf;
  readonly call: Call;
  /** An interim response (1xx) on its way to the downstream. */
  readonly interim: (status: number, headers: HeaderList) => void;
  /** Resolves when the link can take more. */
  readonly drained: () => Promise<void>;
  /** Resolves at the first byte of the request body: a client that waited for 100 has given up waiting. */
  readonly bodyBegun: Promise<void>;
}

/** Relays once. Rejects with connect_failed, connect_timeout or body_cut; the call's flags then say what happened. */
export function relayRich(exchange: Exchange, upstream: HostPort, deps: RichRelayDeps): Promise<Reply> {
  const { half, call } = deps;
  const response = new RichResponse(deps);
  call.sink = response;
  call.upstreamUsed = true;
  call.upstream = upstream;
  half.connect(upstream);
  half.expect(call);
  const framing = frameRequest(exchange);
  half.send(encodeRequestHead(exchange.head.method, exchange.head.path, framing.headers));
  if (framing.body !== "none")
    response.sending = sendBody(exchange, framing.body === "chunked", response, deps);
  return response.reply;
}

interface RequestFraming {
  readonly headers: HeaderList;
  readonly body: "none" | "raw" | "chunked";
}

function frameRequest(exchange: Exchange): RequestFraming {
  const { body } = exchange;
  const headers = withoutHttp2Ask(exchange.head.headers);
  if (headerValue(headers, "transfer-encoding") !== undefined) return { headers, body: "chunked" };
  if (body.lengthBytes === null) {
    return {
      headers: [...withoutHeader(headers, "content-length"), ["Transfer-Encoding", "chunked"]],
      body: "chunked",
    };
  }
  const declared = headerValue(headers, "content-length");
  if (body.lengthBytes === 0 && declared === undefined) return { headers, body: "none" };
  return { headers: withHeader(headers, "Content-Length", String(body.lengthBytes)), body: "raw" };
}

async function sendBody(
  exchange: Exchange,
  chunked: boolean,
  response: RichResponse,
  deps: RichRelayDeps,
): Promise<void> {
  const expectsContinue = exchange.head.header("expect")?.toLowerCase() === "100-continue";
  if (expectsContinue) await Promise.race([response.answered, deps.bodyBegun]);
  try {
    for await (const chunk of exchange.body.chunks()) {
      if (chunk.length === 0) continue;
      if (!deps.half.send(chunked ? encodeChunk(chunk) : chunk))
        await Promise.race([deps.drained(), response.failed]);
      if (response.hasFailed) return;
    }
    if (chunked) deps.half.send(encodeLastChunk(exchange.body.trailers()));
  } catch {
    // The request ended short of its framing: only a cut tells the upstream so (RFC 9112 §8).
    deps.half.drop(true);
    response.fail("DC", "the request body was cut");
  }
}

class RichResponse implements ResponseSink {
  readonly reply: Promise<Reply>;
  /** Resolves when 100 Continue or a final head is there, or none will come. */
  readonly answered: Promise<void>;
  readonly failed: Promise<void>;
  hasFailed = false;
  /** The request body on its way; settled when no more of it will be sent. */
  sending: Promise<void> = Promise.resolve();
  readonly #deps: RichRelayDeps;
  readonly #pipe: BodyPipe;
  #resolve: (reply: Reply) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #answer: () => void = () => undefined;
  #giveUp: () => void = () => undefined;

  constructor(deps: RichRelayDeps) {
    this.#deps = deps;
    this.#pipe = new BodyPipe({ start: () => deps.half.resume(), stop: () => deps.half.pause() });
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.answered = new Promise((resolve) => {
      this.#answer = resolve;
    });
    this.failed = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
  }

  interim(status: number, headers: HeaderList): void {
    if (status === 100) this.#answer();
    this.#deps.interim(status, headers);
  }

  head(status: number, reason: string, headers: HeaderList, lengthBytes: number | null): void {
    this.#answer();
    const body = lengthBytes === 0 ? emptyBody : this.#pipe.body(lengthBytes);
    this.#resolve({ kind: "response", status, reason, headers, body });
  }

  data(chunk: Buffer): void {
    this.#pipe.push(chunk);
  }

  end(trailers: HeaderList): void {
    this.#pipe.end(trailers);
  }

  fail(flag: Flag, detail: string): void {
    this.hasFailed = true;
    this.#deps.call.fail("failed", flag, detail);
    const code = flag === "UF" ? "connect_failed" : flag === "UT" ? "connect_timeout" : "body_cut";
    const error = new UnderstudyError(code, detail);
    this.#answer();
    this.#giveUp();
    this.#pipe.fail(error);
    this.#reject(error);
  }
}
