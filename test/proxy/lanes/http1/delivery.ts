// Delivers one message to a scanner in every way a network may, and demands the same verdict each time.

import assert from "node:assert/strict";
import type { Refusal } from "../../../../src/proxy/lanes/http1/refusal.ts";

export interface Scanner {
  reset(): void;
  scan(bytes: Buffer, start: number, end: number): number;
  readonly refusal: Refusal | null;
}

export interface Verdict {
  /** Length of the head, 0 for incomplete, -1 for refused. */
  readonly length: number;
  readonly refusal: Refusal | null;
}

const padding = 7;

/** A Buffer in which `bytes` stand at another offset, between octets that are never part of the message. */
function moved(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(padding, 0), bytes, Buffer.alloc(3, 0)]);
}

/** Scans in the given steps (ends of what has arrived), each time from a different Buffer at another offset. */
function deliver(scanner: Scanner, bytes: Buffer, ends: readonly number[]): Verdict {
  scanner.reset();
  let length = 0;
  for (const [index, end] of ends.entries()) {
    const here = index % 2 === 0 ? moved(bytes.subarray(0, end)) : bytes;
    const start = index % 2 === 0 ? padding : 0;
    length = scanner.scan(here, start, start + end);
    if (length !== 0) break;
  }
  return { length, refusal: scanner.refusal };
}

/** The verdict on `bytes`, after checking that no cut, nor delivery byte by byte, changes it. */
export function verdictOf(scanner: Scanner, bytes: Buffer): Verdict {
  const whole = deliver(scanner, bytes, [bytes.length]);
  for (let cut = 1; cut < bytes.length; cut++) {
    assert.deepEqual(deliver(scanner, bytes, [cut, bytes.length]), whole, `cut at byte ${cut}`);
  }
  const single = Array.from({ length: bytes.length }, (_, index) => index + 1);
  assert.deepEqual(deliver(scanner, bytes, single), whole, "byte by byte");
  // Leave the scanner with the whole message, so that the caller can read its values.
  scanner.reset();
  scanner.scan(bytes, 0, bytes.length);
  return whole;
}
