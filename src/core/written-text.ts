// The text of a file that people write: UTF-8. Another encoding would be read as other characters than those that an editor
// shows, so it is told instead.

import { isUtf8 } from "node:buffer";

export interface NoText {
  /** Counted from 1. */
  readonly line: number;
  /** What was expected, and what is there. */
  readonly message: string;
}

/** The text of `bytes`, a byte order mark included. */
export function writtenText(bytes: Buffer): string | NoText {
  if (bytes.includes(0)) {
    const [first = 0, second = 0] = bytes;
    // UTF-16 begins with its mark, or with an ASCII character in two bytes.
    const isWide = first >= 0xfe || first === 0 || second === 0;
    return {
      line: 1,
      message: isWide ? `${expected} UTF-16 (${cure})` : `${expected} a file that is no text`,
    };
  }
  if (isUtf8(bytes)) return bytes.toString("utf8");
  return { line: firstFlawedLine(bytes), message: `${expected} another encoding (${cure})` };
}

const expected = "expected text in UTF-8, got";
const cure = "save the file as UTF-8";

function firstFlawedLine(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start), line++) {
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
  return line;
}
