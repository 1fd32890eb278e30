// The streams of a member: push-pull, pings and user messages, opened by us or by others. One message in each direction,
// under a deadline, and not too many at once.

import type { HostPort } from "../../../core/address.ts";
import type { Clock } from "../../../core/clock.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { MeshStream, StreamHandler, Transport } from "../transport.ts";
import type { DropReason } from "../wire/packet.ts";
import type { StreamCodec, StreamMessage } from "../wire/stream.ts";

/** Streams that others have open with us; for a further one, the oldest that has brought no message yet is hung up on. */
const maxAccepted = 64;
/** Bytes that all of them have brought and that are not yet a message: beyond, whoever brought the most is hung up on. */
const maxBufferedBytes = 32 * 1_024 * 1_024;

export interface ExchangesDeps {
  readonly clock: Clock;
  readonly codec: StreamCodec;
  readonly transport: Pick<Transport, "dial">;
  readonly timeoutMs: number;
  /** What an accepted stream brought. `respond` is called once, by the deadline: null where no answer is due; `after` it was written. */
  readonly answer: (message: StreamMessage, from: HostPort, respond: Respond) => void;
  readonly dropped: (reason: StreamDropReason) => void;
}

/** `slow`: no message came within the time; `crowded`: others needed the room. */
export type StreamDropReason = DropReason | "slow" | "crowded";

export type Respond = (reply: Buffer | null, after?: () => void) => void;

/** How an exchange that we began ended. */
export type ExchangeOutcome =
  | { readonly ok: true; readonly message: StreamMessage }
  | { readonly ok: false; readonly problem: string };

/** A stream that somebody else has opened. Until its message is whole, he may be a stranger. */
interface Accepted {
  readonly stream: MeshStream;
  brought: number;
  whole: boolean;
}

export class Exchanges {
  readonly #deps: ExchangesDeps;
  readonly #open = new Set<MeshStream>();
  /** The oldest first. */
  readonly #accepted = new Set<Accepted>();
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
    const sealed = this.#sealed(message, true);
    if (sealed === null) finish({ ok: false, problem: "what was to be sent is too large for a stream" });
    else stream.write(sealed);
  }

  /** For the transport: how an accepted stream is handled. */
  accept(stream: MeshStream): StreamHandler | null {
    if (this.#accepted.size >= maxAccepted && !this.#makeRoom()) {
      this.#deps.dropped("crowded");
      return null;
    }
    const { codec, clock, timeoutMs } = this.#deps;
    const reader = codec.reader(true);
    const accepted = { stream, brought: 0, whole: false };
    this.#accepted.add(accepted);
    this.#open.add(stream);
    const timer = clock.after(timeoutMs, () => this.#hangUp(accepted, "slow"), { background: true });
    return {
      data: (chunk) => {
        if (accepted.whole || !this.#accepted.has(accepted)) return;
        accepted.brought += chunk.length;
        this.#bufferedBytes += chunk.length;
        if (this.#bufferedBytes > maxBufferedBytes && this.#hangUpOnLargest() === accepted) return;
        const outcome = reader.push(chunk);
        if (outcome === null) return;
        if (outcome.kind === "drop") return this.#hangUp(accepted, outcome.reason);
        accepted.whole = true;
        this.#answer(stream, outcome);
      },
      closed: () => {
        timer.cancel();
        this.#forget(accepted);
        stream.destroy();
      },
    };
  }

  stop(): void {
    for (const stream of this.#open) stream.destroy();
    this.#open.clear();
  }

  /** False: everybody has brought a message, and waits for our answer. */
  #makeRoom(): boolean {
    for (const accepted of this.#accepted)
      if (!accepted.whole) {
        this.#hangUp(accepted, "crowded");
        return true;
      }
    return false;
  }

  #hangUpOnLargest(): Accepted | null {
    let largest: Accepted | null = null;
    for (const accepted of this.#accepted)
      if (!accepted.whole && accepted.brought > (largest?.brought ?? 0)) largest = accepted;
    if (largest !== null) this.#hangUp(largest, "crowded");
    return largest;
  }

  #hangUp(accepted: Accepted, reason: StreamDropReason): void {
    if (!accepted.whole) this.#deps.dropped(reason);
    this.#forget(accepted);
    accepted.stream.destroy();
  }

  #forget(accepted: Accepted): void {
    this.#open.delete(accepted.stream);
    if (this.#accepted.delete(accepted)) this.#bufferedBytes -= accepted.brought;
  }

  #answer(stream: MeshStream, message: StreamMessage): void {
    this.#deps.answer(message, stream.peer, (reply, after) => {
      if (!this.#open.has(stream)) return;
      const sealed = reply === null ? null : this.#sealed(reply, false);
      if (sealed !== null) stream.write(sealed);
      stream.end();
      after?.();
    });
  }

  /** null, and counted: it is too large, as the state of a mesh can become when somebody fills it up. */
  #sealed(message: Buffer, dialled: boolean): Buffer | null {
    try {
      return this.#deps.codec.seal(message, dialled);
    } catch (thrown) {
      if (!(thrown instanceof UnderstudyError)) throw thrown;
      this.#deps.dropped("too-large");
      return null;
    }
  }
}
