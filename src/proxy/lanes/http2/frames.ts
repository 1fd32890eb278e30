// The frames of HTTP/2: their numbers, and the writing of those that we originate (RFC 9113 §4.1, §6, §7).

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** RFC 9113 §7. */
export const errorCodes = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  connect: 10,
  enhanceYourCalm: 11,
  http11Required: 13,
} as const;

export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
export const frameHeadBytes = 9;
/** Until SETTINGS say otherwise, and the least they may say (RFC 9113 §6.5.2). */
export const defaultFrameBytes = 16_384;
export const defaultWindowBytes = 65_535;
/** RFC 9113 §6.9.1. */
export const maxWindowBytes = 0x7fff_ffff;

const noBytes = new Uint8Array(0);

/** Writes the nine octets of a frame head at `at`. */
export function writeFrameHead(
  out: Uint8Array,
  at: number,
  length: number,
  type: number,
  flagBits: number,
  stream: number,
): void {
  out[at] = length >>> 16;
  out[at + 1] = length >>> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flagBits;
  writeUint32(out, at + 5, stream);
}

/** A whole frame with `payload`. */
export function frame(type: number, flagBits: number, stream: number, payload: Uint8Array = noBytes): Buffer {
  const out = Buffer.allocUnsafe(frameHeadBytes + payload.length);
  writeFrameHead(out, 0, payload.length, type, flagBits, stream);
  out.set(payload, frameHeadBytes);
  return out;
}

export function resetFrame(stream: number, code: number): Buffer {
  return frame(frameTypes.reset, 0, stream, uint32(code));
}

export function windowUpdateFrame(stream: number, bytes: number): Buffer {
  return frame(frameTypes.windowUpdate, 0, stream, uint32(bytes));
}

/** `detail`: for whoever debugs the peer. */
export function goAwayFrame(lastStream: number, code: number, detail = ""): Buffer {
  const text = Buffer.from(detail, "latin1");
  return frame(frameTypes.goAway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code), text]));
}

export function settingsFrame(pairs: Iterable<readonly [id: number, value: number]>): Buffer {
  const parts = [...pairs].map(([id, value]) => {
    const out = Buffer.allocUnsafe(6);
    out.writeUInt16BE(id);
    out.writeUInt32BE(value, 2);
    return out;
  });
  return frame(frameTypes.settings, 0, 0, Buffer.concat(parts));
}

export const settingsAck: Buffer = frame(frameTypes.settings, flags.ack, 0);

/** A header block in as many frames as it takes (RFC 9113 §4.3); `flagBits` without END_HEADERS. `type`: of the first. */
export function headerFrames(
  stream: number,
  flagBits: number,
  block: Uint8Array,
  before: Uint8Array = noBytes,
  type: number = frameTypes.headers,
): Buffer {
  const payload = before.length === 0 ? block : Buffer.concat([before, block]);
  if (payload.length <= defaultFrameBytes) return frame(type, flagBits | flags.endHeaders, stream, payload);
  const parts: Buffer[] = [];
  for (let at = 0; at < payload.length; at += defaultFrameBytes) {
    const last = at + defaultFrameBytes >= payload.length ? flags.endHeaders : 0;
    const bits = (at === 0 ? flagBits : 0) | last;
    parts.push(
      frame(
        at === 0 ? type : frameTypes.continuation,
        bits,
        stream,
        payload.subarray(at, at + defaultFrameBytes),
      ),
    );
  }
  return Buffer.concat(parts);
}

export function uint32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  writeUint32(out, 0, value);
  return out;
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

function writeUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}
