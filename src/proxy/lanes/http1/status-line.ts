// The status line of a response (RFC 9112 §4), read in place.
//
//   atStart ──▶ inVersion ──"HTTP/1.x"──▶ afterVersion ──SP──▶ inStatus ──3 digits──▶ afterStatus ──SP──▶ inReason ──CR──▶ afterCr ──LF──▶ done
//     └──CR──▶ afterBlank ──LF──▶ atStart                         └──CR──▶ afterCr

import { CR, LF, SP, valueOctets } from "./octets.ts";
import { type Refusal, unexpected } from "./refusal.ts";
import {
  type MinorVersion,
  minorVersionAt,
  versionMismatch,
  versionOctets,
  versionRefusal,
} from "./version.ts";

const atStart = 0;
const afterBlank = 1;
const inVersion = 2;
const afterVersion = 3;
const inStatus = 4;
const afterStatus = 5;
const inReason = 6;
const afterCr = 7;

const where = "status line";
const zero = 0x30;

/** Reused for response after response. Offsets count from the `start` given to `scan`. */
export class StatusLine {
  status = 0;
  minorVersion: MinorVersion = 1;
  reasonStart = 0;
  reasonEnd = 0;
  refusal: Refusal | null = null;
  #state = atStart;
  #next = 0;

  begin(): void {
    this.refusal = null;
    this.status = 0;
    this.#state = atStart;
    this.#next = 0;
  }

  /** Returns the index after the line's CRLF, 0 where more bytes are needed, -1 where it is refused. */
  scan(bytes: Buffer, start: number, end: number): number {
    let state = this.#state;
    let p = start + this.#next;
    while (p < end) {
      // An empty line before a response is no part of RFC 9112, but old servers end their bodies with one.
      if (state === atStart) {
        if (bytes[p] !== CR) state = inVersion;
        else {
          state = afterBlank;
          if (++p === end) break;
        }
      }
      if (state === inVersion) {
        const mismatch = versionMismatch(bytes, p, end);
        if (mismatch >= 0) return this.#refuse(versionRefusal(where, bytes, p, mismatch, start));
        if (end - p < versionOctets) break;
        this.minorVersion = minorVersionAt(bytes, p);
        p += versionOctets;
        state = afterVersion;
        if (p === end) break;
      }
      if (state === afterVersion) {
        if (bytes[p] !== SP) return this.#refuseAt(p - start, bytes[p], "one space after the version");
        p++;
        state = inStatus;
        if (p === end) break;
      }
      if (state === inStatus) {
        const wrong = statusMismatch(bytes, p, end);
        if (wrong >= 0) return this.#refuseAt(wrong - start, bytes[wrong], "a status from 100 to 999");
        if (end - p < 3) break;
        this.status = statusAt(bytes, p);
        p += 3;
        this.reasonStart = p - start;
        this.reasonEnd = p - start;
        state = afterStatus;
        if (p === end) break;
      }
      if (state === afterStatus) {
        // The grammar wants the space also before an empty reason; without it the line is as clear.
        if (bytes[p] !== SP && bytes[p] !== CR)
          return this.#refuseAt(p - start, bytes[p], "a space after the status");
        state = bytes[p] === SP ? inReason : afterCr;
        p++;
        if (state === inReason) this.reasonStart = p - start;
        if (p === end) break;
      }
      if (state === inReason) {
        while (p < end && valueOctets[bytes[p] as number] === 1) p++; // p is below end
        if (p === end) break;
        if (bytes[p] !== CR) return this.#refuseAt(p - start, bytes[p], "CRLF after the reason");
        this.reasonEnd = p - start;
        state = afterCr;
        if (++p === end) break;
      }
      if (bytes[p] !== LF)
        return this.#refuse(unexpected(where, p - start, bytes[p] ?? 0, "LF after CR", "9112 §2.2"));
      p++;
      if (state === afterCr) return p;
      state = atStart;
    }
    this.#state = state;
    this.#next = p - start;
    return 0;
  }

  #refuse(refusal: Refusal): -1 {
    this.refusal = refusal;
    return -1;
  }

  #refuseAt(offset: number, octet: number | undefined, expected: string): -1 {
    return this.#refuse(unexpected(where, offset, octet ?? 0, expected, "9112 §4"));
  }
}

/** The number that three digits spell. */
function statusAt(bytes: Uint8Array, at: number): number {
  const digit = (place: number) => (bytes[at + place] ?? zero) - zero;
  return digit(0) * 100 + digit(1) * 10 + digit(2);
}

/** Index of the first octet that is no digit of a status, as far as it has arrived; -1 where all are. */
function statusMismatch(bytes: Uint8Array, at: number, end: number): number {
  const stop = Math.min(at + 3, end);
  for (let p = at; p < stop; p++) {
    const digit = (bytes[p] ?? 0) - zero;
    if (digit < (p === at ? 1 : 0) || digit > 9) return p;
  }
  return -1;
}
