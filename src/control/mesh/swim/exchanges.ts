// The streams of a member: push-pull, pings and user messages, opened by us or by others. One message in each direction,
// under a deadline, and not too many at once.

import type { HostPort } from "../../../core/address.ts";
import type { Clock } from "../../../core/clock.ts";
import type { MeshStream, StreamHandler, Transport } from "../transport.ts";
import type { DropReason } from "../wire/packet.ts";
import type { StreamCodec, StreamMessage } from "../wire/stream.ts";

/** Streams that others have open with us; further ones are refused. */
const maxAccepted = 64;
/** Bytes that all of them have brought and that are not yet a message: whoever sends them may be a stranger. */
const maxBufferedBytes = 32 * 1_024 * 1_024;

export interface ExchangesDeps {
  readonly clock: Clock;
  readonly codec: StreamCodec;
  readonly transport: Pick<Transport, "dial">;
  readonly timeoutMs: number;
  /** What an accepted stream brought. `respond` is called once, by the deadline: null where no answer is due; `after` it was written. */
  readonly answer: (message: StreamMessage, from: HostPort, respond: Respond) => void;
  readonly dropped: (reason: DropReason) => void;
}

export type Respond = (reply: Buffer | null, after?: () => void) => void;

/** How an exchange that we began ended. */
export type ExchangeOutcome =
  | { readonly ok: true; readonly message: StreamMessage }
  | { readonly ok: false; readonly problem: string };

const tooLarge = Object.freeze({ kind: "drop", reason: "too-large" } as const);

export class Exchanges {
  readonly #deps: ExchangesDeps;
  readonly #open = new Set<MeshStream>();
  #accepted = 0;
  #bufferedBytes = 0;

  constructor(deps: ExchangesDeps) {
    this.#deps = deps;
  }

  /** Sends `message` and waits for the answer; `done` is called once. */
  request(
    to: HostPort,
    message: Buffer,
    done: (outcome: ExchangeOutcome) => void,
    withinMs = this.#deps.timeoutMs,
  ): void {
    const { codec, transport, clock } = this.#deps;
    const reader = codec.reader(false);
    let finished = false;
    const finish = (outcome: ExchangeOutcome) => {
      if (finished) return;
      finished = true;
      timer.cancel();
      this.#open.delete(stream);
      stream.destroy();
      done(outcome);
    };
    const timer = clock.after(withinMs, () => finish({ ok: false, problem: "no answer in time" }), {
      background: true,
    });
    const stream = transport.dial(to, {
      data: (chunk) => {
        const outcome = finished ? null : reader.push(chunk);
        if (outcome === null) return;
        if (outcome.kind === "drop") {
          this.#deps.dropped(outcome.reason);
          finish({ ok: false, problem: `the answer was dropped: ${outcome.reason}` });
        } else if (outcome.kind === "error")
          finish({ ok: false, problem: `the peer says: ${outcome.text.slice(0, 200)}` });
        else finish({ ok: true, message: outcome });
      },
      closed: () =>
        finish({ ok: false, problem: "the stream could not be opened, or ended without an answer" }),
    });
    this.#open.add(stream);
    stream.write(codec.seal(message, true));
  }

  /** For the transport: how an accepted stream is handled. */
  accept(stream: MeshStream): StreamHandler | null {
    if (this.#accepted >= maxAccepted) return null;
    const { codec, clock, timeoutMs, dropped } = this.#deps;
    const reader = codec.reader(true);
    this.#accepted++;
    this.#open.add(stream);
    let finished = false;
    let brought = 0;
    const timer = clock.after(timeoutMs, () => stream.destroy(), { background: true });
    return {
      data: (chunk) => {
        if (finished) return;
        brought += chunk.length;
        this.#bufferedBytes += chunk.length;
        const outcome = this.#bufferedBytes > maxBufferedBytes ? tooLarge : reader.push(chunk);
        if (outcome === null) return;
        finished = true;
        if (outcome.kind !== "drop") return this.#answer(stream, outcome);
        dropped(outcome.reason);
        stream.destroy();
      },
      closed: () => {
        timer.cancel();
        if (!this.#open.delete(stream)) return;
        this.#accepted--;
        this.#bufferedBytes -= brought;
        stream.destroy();
      },
    };
  }

  stop(): void {
    for (const stream of this.#open) stream.destroy();
    this.#open.clear();
  }

  #answer(stream: MeshStream, message: StreamMessage): void {
    this.#deps.answer(message, stream.peer, (reply, after) => {
      if (!this.#open.has(stream)) return;
      if (reply !== null) stream.write(this.#deps.codec.seal(reply, false));
      stream.end();
      after?.();
    });
  }
}
