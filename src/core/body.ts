// Bodies made from bytes or from a stream of chunks; the shapes that effects and mocks hand around.

import { UnderstudyError } from "./errors.ts";
import type { Body } from "./exchange.ts";
import { GrowingBytes } from "./growing-bytes.ts";
import type { HeaderList } from "./headers.ts";

const noTrailers: HeaderList = [];

/** A body that is already in memory. */
export function bodyOf(bytes: Uint8Array, trailers: HeaderList = noTrailers): Body {
  return {
    lengthBytes: bytes.length,
    async *chunks() {
      if (bytes.length > 0) yield bytes;
    },
    read: async (limitBytes) => {
      if (bytes.length > limitBytes) throw tooLarge(limitBytes);
      return bytes;
    },
    trailers: () => trailers,
  };
}

export const emptyBody: Body = bodyOf(new Uint8Array(0));

/** A body that arrives in chunks. `trailers` is asked after the last one. */
export function streamBody(
  lengthBytes: number | null,
  chunks: () => AsyncIterable<Uint8Array>,
  trailers: () => HeaderList = () => noTrailers,
): Body {
  return { lengthBytes, chunks, read: (limitBytes) => gather(chunks(), limitBytes), trailers };
}

async function gather(chunks: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Uint8Array> {
  const bytes = new GrowingBytes();
  for await (const chunk of chunks) {
    if (bytes.length + chunk.length > limitBytes) throw tooLarge(limitBytes);
    bytes.append(chunk);
  }
  return bytes.all;
}

function tooLarge(limitBytes: number): UnderstudyError {
  return new UnderstudyError("body_too_large", `body: expected at most ${limitBytes} bytes, got more`);
}
