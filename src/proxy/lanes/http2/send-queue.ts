// DATA that we originate, on its way into flow-control windows (RFC 9113 §5.2): one piece a stream, streams in turn.

import { flags, frame, frameTypes } from "./frames.ts";

/** The sending side of one stream. */
export class Outgoing {
  readonly id: number;
  /** What the peer lets this stream send; below 0 where it lowered its SETTINGS meanwhile (RFC 9113 §6.9.2). */
  windowBytes: number;
  #piece: Uint8Array | null = null;
  #wake: (() => void) | null = null;

  constructor(id: number, windowBytes: number) {
    this.id = id;
    this.windowBytes = windowBytes;
  }

  get isWaiting(): boolean {
    return this.#piece !== null;
  }

  /** Resolves when the piece is out, or when the stream is given up. */
  hold(piece: Uint8Array): Promise<void> {
    this.#piece = piece;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Takes up to `bytes` from the piece that waits. */
  take(bytes: number): Uint8Array {
    const piece = this.#piece ?? new Uint8Array(0);
    const part = piece.subarray(0, bytes);
    if (part.length === piece.length) this.drop();
    else this.#piece = piece.subarray(part.length);
    return part;
  }

  /** Forgets what waits. */
  drop(): void {
    this.#piece = null;
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** What the connection lets all its streams together do. */
export interface SendPort {
  /** Octets of DATA that may be sent now. */
  readonly room: number;
  readonly frameBytes: number;
  /** Takes one frame that carries `dataBytes`. */
  send(bytes: Buffer, dataBytes: number): void;
}

export class SendQueue {
  readonly #port: SendPort;
  /** In the order in which they came. An array, not a Set: a Set that is changed with every reply leaves garbage that lives. */
  readonly #waiting: Outgoing[] = [];

  constructor(port: SendPort) {
    this.#port = port;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sends `piece` as far as the windows reach. undefined: it is out; else a promise for that. */
  send(stream: Outgoing, piece: Uint8Array): Promise<void> | undefined {
    if (piece.length === 0) return undefined;
    const out = stream.hold(piece);
    if (!this.#waiting.includes(stream)) this.#waiting.push(stream);
    this.pump();
    return stream.isWaiting ? out : undefined;
  }

  /** An empty frame that ends the stream; needs no window. */
  end(stream: Outgoing): void {
    this.#port.send(frame(frameTypes.data, flags.endStream, stream.id), 0);
  }

  remove(stream: Outgoing): void {
    const at = this.#waiting.indexOf(stream);
    if (at >= 0) this.#waiting.splice(at, 1);
    stream.drop();
  }

  /** To be called when a window has grown or the other side reads again. A frame a stream and turn. */
  pump(): void {
    const port = this.#port;
    const waiting = this.#waiting;
    for (let sent = true; sent && waiting.length > 0; ) {
      sent = false;
      for (let at = 0; at < waiting.length; at++) {
        const stream = waiting[at];
        if (!stream) break;
        const bytes = Math.min(port.room, stream.windowBytes, port.frameBytes);
        if (bytes <= 0) continue;
        const part = stream.take(bytes);
        if (!stream.isWaiting) waiting.splice(at--, 1);
        stream.windowBytes -= part.length;
        port.send(frame(frameTypes.data, 0, stream.id, part), part.length);
        sent = true;
      }
    }
  }
}
