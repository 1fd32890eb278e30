// Undoes Content-Encoding, so that rules can look into compressed bodies. Bounded, because a small body can unpack to any size.

import { createRequire } from "node:module";

/** Loaded with the first coded body: most sidecars never see one in a rule. */
const load = createRequire(import.meta.url);

/** Layers that anyone uses are one; more than this is an attack. */
const maxCodings = 3;
/** Memory that one zstd frame may ask for: 8 MiB, which RFC 8878 §3.1.1.1.2 asks decoders to support. */
const zstdWindowLog = 23;

/**
 * The plain bytes of a body. `encoding`: the value of Content-Encoding (gzip, deflate, br, zstd, identity, or a list
 * in the order of application, RFC 9110 §8.4); undefined or "": none.
 * null where the coding is unknown, the bytes are broken, or the result is larger than `limitBytes`.
 */
export function decodedBody(
  body: Uint8Array,
  encoding: string | undefined,
  limitBytes: number,
): Uint8Array | null {
  const codings = (encoding ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length > maxCodings) return null;
  let bytes = body;
  try {
    for (const coding of codings.reverse()) {
      const plain = decodeOne(bytes, coding, limitBytes);
      if (plain === null) return null;
      bytes = plain;
    }
  } catch {
    return null; // Broken or too large: both mean that no rule can look inside.
  }
  return bytes.length <= limitBytes ? bytes : null;
}

function decodeOne(bytes: Uint8Array, coding: string, limitBytes: number): Uint8Array | null {
  const options = { maxOutputLength: Math.max(1, limitBytes) };
  const zlib = load("node:zlib") as typeof import("node:zlib");
  if (bytes.length === 0) return bytes; // A response to nothing: some peers name a coding for an empty body.
  switch (coding) {
    case "gzip":
    case "x-gzip": // RFC 9110 §8.4.1.3: the same thing.
      return zlib.gunzipSync(bytes, options);
    case "deflate":
      // RFC 9110 §8.4.1.2 means the zlib format; some servers send raw deflate all the same.
      return looksLikeZlib(bytes) ? zlib.inflateSync(bytes, options) : zlib.inflateRawSync(bytes, options);
    case "br":
      return zlib.brotliDecompressSync(bytes, options);
    case "zstd":
      return zlib.zstdDecompressSync(bytes, {
        ...options,
        params: { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowLog },
      });
    default:
      return null;
  }
}

/** RFC 1950 §2.2: method 8, and a header that is a multiple of 31. */
function looksLikeZlib(bytes: Uint8Array): boolean {
  const [cmf = 0, flags = 0] = bytes;
  return (cmf & 0x0f) === 8 && ((cmf << 8) | flags) % 31 === 0;
}
