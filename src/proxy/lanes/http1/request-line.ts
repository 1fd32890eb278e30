// The request line (RFC 9112 §3), read in place: checks every octet, records where method and target stand, and
// what form the target has. Header fields follow in `field-lines.ts`.
//
//   atStart ──tchar──▶ inMethod ──SP──▶ inTarget ──SP──▶ inVersion ──"HTTP/1.x"──▶ afterVersion ──CR──▶ afterCr ──LF──▶ done
//     └──CR──▶ afterBlank ──LF──▶ atStart        (empty lines before a request, RFC 9112 §2.2)

import { authorityFrom, authorityTo, notAuthority, portOf } from "./authority.ts";
import { afterPlainRun, COLON, CR, isExactly, LF, SP, targetOctets, tokenOctets } from "./octets.ts";
import { malformed, type Refusal, showText, unexpected } from "./refusal.ts";
import {
  type MinorVersion,
  minorVersionAt,
  versionMismatch,
  versionOctets,
  versionRefusal,
} from "./version.ts";

const atStart = 0;
const afterBlank = 1;
const inMethod = 2;
const inTarget = 3;
const inVersion = 4;
const afterVersion = 5;
const afterCr = 6;

const slash = 0x2f;
const asterisk = 0x2a;
const where = "request line";

/** The four forms of RFC 9112 §3.2. */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/** Reused for request after request. Offsets count from the `start` given to `scan`. */
export class RequestLine {
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  targetForm: TargetForm = "origin";
  /** Authority within an absolute-form or authority-form target; empty in the other forms. */
  authorityStart = 0;
  authorityEnd = 0;
  minorVersion: MinorVersion = 1;
  refusal: Refusal | null = null;
  #state = atStart;
  #next = 0;

  begin(): void {
    this.refusal = null;
    this.#state = atStart;
    this.#next = 0;
  }

  /** Returns the index after the line's CRLF, 0 where more bytes are needed, -1 where it is refused. */
  scan(bytes: Buffer, start: number, end: number): number {
    let state = this.#state;
    let p = start + this.#next;
    while (p < end) {
      if (state === atStart) {
        const octet = bytes[p] as number; // p is below end, here and below
        if (tokenOctets[octet] === 1) {
          this.methodStart = p - start;
          state = inMethod;
        } else if (octet === CR) {
          state = afterBlank;
          if (++p === end) break;
        } else return this.#refuseAt(p - start, octet, "a method", "9112 §3");
      }
      if (state === inMethod) {
        while (p < end && tokenOctets[bytes[p] as number] === 1) p++;
        if (p === end) break;
        if (bytes[p] !== SP)
          return this.#refuseAt(p - start, bytes[p] as number, "one space after the method", "9112 §3");
        this.methodEnd = p - start;
        this.targetStart = ++p - start;
        state = inTarget;
      }
      if (state === inTarget) {
        p = afterPlainRun(bytes, p, end, 1);
        while (p < end && targetOctets[bytes[p] as number] === 1) p++;
        if (p === end) break;
        if (bytes[p] !== SP) return this.#refuseTarget(p - start, bytes[p] as number);
        this.targetEnd = p - start;
        this.refusal = this.#readTarget(bytes, start);
        if (this.refusal !== null) return -1;
        p++;
        state = inVersion;
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
        if (bytes[p] !== CR)
          return this.#refuseAt(p - start, bytes[p] as number, "CRLF after the version", "9112 §3");
        state = afterCr;
        if (++p === end) break;
      }
      if (bytes[p] !== LF) return this.#refuseAt(p - start, bytes[p] as number, "LF after CR", "9112 §2.2");
      p++;
      if (state === afterCr) return p;
      state = atStart;
    }
    this.#state = state;
    this.#next = p - start;
    return 0;
  }

  /** What a line is refused with that outgrows the head's limit (RFC 9112 §3). */
  tooLong(maxHeadBytes: number): Refusal {
    const limit = `the request line is not complete after ${maxHeadBytes} bytes (RFC 9112 §3)`;
    if (this.#state === inMethod) return { status: 501, reason: `method too long: ${limit}` };
    return { status: this.#state === inTarget ? 414 : 431, reason: limit };
  }

  // Origin-form is by far the most frequent, and its octets have been checked already.
  #readTarget(bytes: Buffer, start: number): Refusal | null {
    const from = start + this.targetStart;
    const to = start + this.targetEnd;
    this.authorityStart = this.targetStart;
    this.authorityEnd = this.targetStart;
    const methodLength = this.methodEnd - this.methodStart;
    if (methodLength === 7 && isExactly(bytes, start + this.methodStart, "CONNECT"))
      return this.#readAuthority(bytes, from, to);
    // RFC 9113 §3.4, §11.6: never a request's method; it exists to make HTTP/1 servers refuse the HTTP/2 preface.
    if (methodLength === 3 && isExactly(bytes, start + this.methodStart, "PRI")) {
      return malformed(`${where}: the method PRI is reserved for HTTP/2 (RFC 9113 §11.6)`);
    }
    if (bytes[from] === slash) {
      this.targetForm = "origin";
      return null;
    }
    if (to - from === 1 && bytes[from] === asterisk) {
      // RFC 9112 §3.2.4 knows it for OPTIONS; UPnP's M-SEARCH uses it too, and it blurs nothing.
      this.targetForm = "asterisk";
      return null;
    }
    return this.#readAbsolute(bytes, start, from, to);
  }

  // RFC 9112 §3.2.3; RFC 9110 §9.3.6: an empty or invalid port is refused.
  #readAuthority(bytes: Buffer, from: number, to: number): Refusal | null {
    this.targetForm = "authority";
    this.authorityEnd = this.targetEnd;
    if (portOf(bytes, from, to) > 0 && bytes[from] !== COLON) return null;
    const target = showText(bytes.toString("latin1", from, to));
    return malformed(`${where}: the target of CONNECT is ${target}, expected host:port (RFC 9110 §9.3.6)`);
  }

  #readAbsolute(bytes: Buffer, start: number, from: number, to: number): Refusal | null {
    const authority = authorityFrom(bytes, from, to);
    const stop = authority < 0 ? authority : authorityTo(bytes, authority, to);
    this.targetForm = "absolute";
    this.authorityStart = authority - start;
    this.authorityEnd = stop - start;
    const named = stop > authority && bytes[authority] !== COLON;
    if (named && portOf(bytes, authority, stop) !== notAuthority) return null;
    const target = showText(bytes.toString("latin1", from, to));
    const expected = 'a path that begins with "/", or scheme://host[:port]/path without user information';
    return malformed(
      `${where}: the target is ${target}, expected ${expected} (RFC 9112 §3.2, RFC 9110 §4.2)`,
    );
  }

  #refuse(refusal: Refusal): -1 {
    this.refusal = refusal;
    return -1;
  }

  #refuseAt(offset: number, octet: number, expected: string, section: string): -1 {
    return this.#refuse(unexpected(where, offset, octet, expected, section));
  }

  #refuseTarget(offset: number, octet: number): -1 {
    if (octet === CR || octet === LF)
      return this.#refuseAt(offset, octet, "a version after the target, HTTP/0.9 is not served", "9112 §3");
    return this.#refuseAt(offset, octet, "visible ASCII in the target", "3986 §2");
  }
}
