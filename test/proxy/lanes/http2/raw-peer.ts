// A peer that speaks HTTP/2 in raw frames, for tests: what it sends need not be right, and what it gets is shown as is.

import type { Socket } from "node:net";
import {
  flags,
  frame,
  frameTypes,
  preface,
  settingsAck,
  settingsFrame,
} from "../../../../src/proxy/lanes/http2/frames.ts";
import { HpackDecoder } from "../../../../src/proxy/lanes/http2/hpack/decoder.ts";
import { encodeLiterals } from "../../../../src/proxy/lanes/http2/hpack/literal-block.ts";

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export class RawPeer {
  readonly socket: Socket;
  readonly frames: RawFrame[] = [];
  ended: "open" | "fin" | "rst" = "open";
  readonly #decoder = new HpackDecoder({ maxListBytes: 1_000_000, maxFields: 10_000 });
  #bytes = Buffer.alloc(0);
  #watchers = new Set<() => void>();

  /** `skip`: octets before the first frame (the preface that a client sends). */
  constructor(socket: Socket, skip = 0) {
    this.socket = socket;
    let left = skip;
    socket.on("data", (chunk: Buffer) => {
      const cut = Math.min(left, chunk.length);
      left -= cut;
      this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(cut)]);
      this.#parse();
    });
    socket.on("end", () => this.#end("fin"));
    socket.on("close", () => this.#end("rst"));
  }

  #end(how: "fin" | "rst"): void {
    if (this.ended === "open") this.ended = how;
    for (const watch of this.#watchers) watch();
  }

  #parse(): void {
    while (this.#bytes.length >= 9) {
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < 9 + length) break;
      const [type = 0, flags = 0] = this.#bytes.subarray(3, 5);
      const stream = this.#bytes.readUInt32BE(5) & 0x7fff_ffff;
      this.frames.push({ type, flags, stream, payload: this.#bytes.subarray(9, 9 + length) });
      this.#bytes = this.#bytes.subarray(9 + length);
    }
    for (const watch of this.#watchers) watch();
  }

  /** The next frame that fits, past or future; undefined once the peer has ended without one. */
  until(fits: (frame: RawFrame) => boolean): Promise<RawFrame | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.frames.find(fits);
        if (!found && this.ended === "open") return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** The code of the GOAWAY that ends the connection; null where it ends without. */
  async goAwayCode(): Promise<number | null> {
    const found = await this.until(({ type }) => type === frameTypes.goAway);
    return found ? found.payload.readUInt32BE(4) : null;
  }

  /** The code of RST_STREAM on a stream. */
  async resetCode(stream: number): Promise<number | null> {
    const found = await this.until((given) => given.type === frameTypes.reset && given.stream === stream);
    return found ? found.payload.readUInt32BE(0) : null;
  }

  /** Decodes a header block; to be called for all of them in their order. */
  fields(block: Buffer): [string, string][] {
    const decoded = this.#decoder.decode(block, 0, block.length);
    if ("flaw" in decoded) throw new Error(decoded.flaw);
    return decoded.fields.map(({ name, value }) => [name, value]);
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }
}

/** What a client says first. */
export const hello: Buffer = Buffer.concat([preface, settingsFrame([])]);
/** What a server says first. */
export const serverHello: Buffer = Buffer.concat([settingsFrame([]), settingsAck]);

/** HEADERS of a request, literals only. `flagBits`: END_STREAM and END_HEADERS unless given. */
export function requestFrame(
  stream: number,
  path: string,
  extra: readonly (readonly [string, string])[] = [],
  flagBits = 0x5,
): Buffer {
  const fields = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "test"],
    ...extra,
  ] as const;
  return frame(frameTypes.headers, flagBits, stream, encodeLiterals(fields));
}

/** HEADERS of a response. */
export function responseFrame(stream: number, status = 200, flagBits = 0x4): Buffer {
  return frame(frameTypes.headers, flagBits, stream, encodeLiterals([[":status", String(status)]]));
}

export function dataFrame(stream: number, bytes: Uint8Array, flagBits = 0): Buffer {
  return frame(frameTypes.data, flagBits, stream, bytes);
}

export const is =
  (type: number, stream: number) =>
  (given: RawFrame): boolean =>
    given.type === type && given.stream === stream;

/** SETTINGS, and not an ACK. */
export const isSettings = ({ type, flags }: RawFrame): boolean => type === frameTypes.settings && flags === 0;

/** The ACKs of SETTINGS that a peer has got. */
export const acksOf = (peer: RawPeer): readonly RawFrame[] =>
  peer.frames.filter(({ type, flags: bits }) => type === frameTypes.settings && bits === flags.ack);
