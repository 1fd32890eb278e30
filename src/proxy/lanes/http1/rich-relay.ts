// The relay terminal of the rich road: sends an exchange upstream over the pinned link and turns the response into a
// Reply whose body streams under backpressure.

import type { HostPort } from "../../../core/address.ts";
import { emptyBody } from "../../../core/body.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { Exchange, Reply, RequestHead } from "../../../core/exchange.ts";
import { type HeaderList, headerValue, withHeader, withoutHeader } from "../../../core/headers.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import type { Call } from "./call.ts";
import type { DrainWaiters } from "./drain-waiters.ts";
import { encodeRequestHead } from "./encode.ts";
import { withoutHttp2Ask } from "./h2c.ts";
import type { ResponseSink } from "./response-sink.ts";
import { Upload } from "./upload.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

export interface RichRelayDeps {
  readonly half: UpstreamHalf;
  readonly call: Call;
  /** An interim response (1xx) on its way to the downstream. */
  readonly interim: (status: number, headers: HeaderList) => void;
  /** Woken when the link can take more, and when it has ended. */
  readonly linkDrain: DrainWaiters;
  /** The request is with the link to its last byte. */
  readonly requestSent: () => void;
  /** The request body is on its way. */
  readonly sends: (upload: Upload) => void;
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
  half.send(encodeRequestHead(exchange.head.method, targetOf(exchange.head), framing.headers));
  if (framing.body === "none") deps.requestSent();
  else
    deps.sends(
      new Upload(exchange, framing.body, {
        half,
        linkDrain: deps.linkDrain,
        mayBegin: Promise.race([response.answered, deps.bodyBegun]),
        whole: deps.requestSent,
        cut: () => response.cut(),
      }),
    );
  return response.reply;
}

/** CONNECT names its target alone (RFC 9112 §3.2.3). */
function targetOf({ method, path, authority }: RequestHead): string {
  return method === "CONNECT" ? authority : path;
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

class RichResponse implements ResponseSink {
  readonly reply: Promise<Reply>;
  /** Resolves when 100 Continue or a final head is there, or none will come. */
  readonly answered: Promise<void>;
  #hasHead = false;
  /** Its last byte is there. */
  #isWhole = false;
  readonly #deps: RichRelayDeps;
  readonly #pipe: BodyPipe;
  #resolve: (reply: Reply) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #answer: () => void = () => undefined;

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
  }

  interim(status: number, headers: HeaderList): void {
    if (status === 100) this.#answer();
    this.#deps.interim(status, headers);
  }

  head(status: number, reason: string, headers: HeaderList, lengthBytes: number | null): void {
    this.#answer();
    this.#hasHead = true;
    const body = lengthBytes === 0 ? emptyBody : this.#pipe.body(lengthBytes);
    this.#resolve({ kind: "response", status, reason, headers, body });
  }

  data(chunk: Buffer): void {
    this.#pipe.push(chunk);
  }

  end(trailers: HeaderList): void {
    this.#isWhole = true;
    this.#pipe.end(trailers);
  }

  /** The request was cut; who has answered before does not mind. */
  cut(): void {
    if (!this.#isWhole) this.fail("rst", "DC", "the request body was cut");
  }

  fail(how: "fin" | "rst", flag: Flag, detail: string): void {
    this.#deps.call.fail("failed", flag, detail);
    if (how === "rst" || !this.#hasHead) this.#deps.call.brokenBy = how;
    const code = flag === "UF" ? "connect_failed" : flag === "UT" ? "connect_timeout" : "body_cut";
    const error = new UnderstudyError(code, detail);
    this.#answer();
    this.#deps.linkDrain.wake();
    this.#pipe.fail(error);
    this.#reject(error);
  }
}
