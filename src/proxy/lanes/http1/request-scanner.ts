// The head of a request, read in place: request line, header section, framing. Strict: a head that two readers could
// understand in two ways is refused. Makes no string until one is asked for. Bodies are left to the lane and `chunked.ts`.

import type { RequestHead } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import { notAuthority, portOf } from "./authority.ts";
import { FieldLines } from "./field-lines.ts";
import { methodName } from "./field-names.ts";
import { MessageFraming } from "./framing.ts";
import { RecurringText } from "./recurring-text.ts";
import { malformed, type Refusal, showText } from "./refusal.ts";
import { RequestLine, type TargetForm } from "./request-line.ts";
import type { MinorVersion } from "./version.ts";

export interface HeadLimits {
  /** Bytes of a head, leading empty lines included. */
  readonly maxHeadBytes: number;
  /** Header fields of a head. */
  readonly maxHeaders: number;
}

const noBytes = Buffer.alloc(0);
const noHeaders: HeaderList = [];

/**
 * One per connection, reused. Everything but `scan`, `reset` and `refusal` is valid after a complete scan, until
 * `reset` or until the scanned bytes are overwritten. Offsets count from the `start` that was given to `scan`.
 */
export class RequestScanner implements RequestHead {
  readonly #limits: HeadLimits;
  readonly #line = new RequestLine();
  readonly #fields: FieldLines;
  readonly #framing = new MessageFraming();
  readonly #lastAuthority = new RecurringText();
  readonly #lastTarget = new RecurringText();
  /** Of requests whose target names no scheme (RFC 9110 §4.2.2); belongs to the connection. */
  impliedScheme: "http" | "https" = "http";
  #bytes: Buffer = noBytes;
  #start = 0;
  #inFields = false;
  #length = 0;
  #refusal: Refusal | null = null;
  #headers: HeaderList | null = null;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#fields = new FieldLines(limits.maxHeaders, "header");
  }

  /** Forgets the last head. To be called before each new one. */
  reset(): void {
    this.#line.begin();
    this.#inFields = false;
    this.#length = 0;
    this.#refusal = null;
    this.#headers = null;
    this.#bytes = noBytes;
  }

  /** Why the head is refused; null while it is not. */
  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /**
   * bytes[start..end) begins with the head. Returns its length where it is complete, 0 where more bytes are needed,
   * -1 where it is refused. To go on, call again with the same beginning and more bytes, in whatever Buffer they
   * stand by then: no octet is checked twice.
   */
  scan(bytes: Buffer, start: number, end: number): number {
    if (this.#refusal !== null) return -1;
    // Bytes past the limit are never looked at, so that the verdict does not depend on how they were delivered.
    const limit = Math.min(end, start + this.#limits.maxHeadBytes);
    this.#bytes = bytes;
    this.#start = start;
    if (!this.#inFields) {
      const after = this.#line.scan(bytes, start, limit);
      if (after < 0) return this.#refuse(this.#line.refusal);
      if (after > 0) {
        this.#inFields = true;
        this.#fields.begin(after - start);
      }
    }
    if (this.#inFields) {
      const after = this.#fields.scan(bytes, start, limit);
      if (after < 0) return this.#refuse(this.#fields.refusal);
      if (after > 0) return this.#complete(after - start);
    }
    return end - start < this.#limits.maxHeadBytes ? 0 : this.#refuse(this.#tooLong());
  }

  #complete(length: number): number {
    const refusal =
      this.#framing.read(this.#fields, this.#bytes, this.minorVersion) ??
      this.#hostRefusal() ??
      this.#tunnelRefusal();
    if (refusal !== null) return this.#refuse(refusal);
    this.#length = length;
    return length;
  }

  // RFC 9112 §3.2: every HTTP/1.1 request has one, and an invalid value is answered 400.
  #hostRefusal(): Refusal | null {
    const host = this.#framing.host;
    if (host === -1) {
      return this.minorVersion === 0 ? null : malformed("no Host in an HTTP/1.1 request (RFC 9112 §3.2)");
    }
    const port = portOf(this.#bytes, this.#fields.valueFrom(host), this.#fields.valueTo(host));
    if (port !== notAuthority) return null;
    const said = `header line ${host + 1}: Host is ${showText(this.#fields.value(host))}`;
    return malformed(`${said}, expected host[:port] (RFC 9112 §3.2)`);
  }

  // RFC 9110 §9.3.6: CONNECT has no content. Readers differ about what follows a head that announces some: a body, or
  // the first bytes of the tunnel.
  #tunnelRefusal(): Refusal | null {
    if (this.#line.targetForm !== "authority" || this.framing === "none") return null;
    return malformed("CONNECT with a body (RFC 9110 §9.3.6)");
  }

  #tooLong(): Refusal {
    const limit = this.#limits.maxHeadBytes;
    if (!this.#inFields) return this.#line.tooLong(limit);
    return { status: 431, reason: `the head is not complete after ${limit} bytes (RFC 6585 §5)` };
  }

  #refuse(refusal: Refusal | null): -1 {
    this.#refusal = refusal;
    return -1;
  }

  get method(): string {
    return methodName(this.#bytes, this.#start + this.#line.methodStart, this.#start + this.#line.methodEnd);
  }

  /** What an absolute-form target says, otherwise what the connection implies. */
  get scheme(): "http" | "https" {
    if (this.#line.targetForm !== "absolute") return this.impliedScheme;
    return /^https:/i.test(this.target) ? "https" : "http";
  }

  /** RFC 9112 §3.3: the target's own authority, else Host; "" where neither stands. */
  get authority(): string {
    const { authorityStart, authorityEnd } = this.#line;
    if (authorityEnd > authorityStart) {
      return this.#lastAuthority.of(this.#bytes, this.#start + authorityStart, this.#start + authorityEnd);
    }
    const { host } = this.#framing;
    if (host === -1) return "";
    return this.#lastAuthority.of(this.#bytes, this.#fields.valueFrom(host), this.#fields.valueTo(host));
  }

  /** Path with query as sent; "/" stands for an empty path (RFC 9112 §3.2.1); "*" for asterisk-form, "" for CONNECT. */
  get path(): string {
    if (this.#line.targetForm !== "absolute") {
      return this.#line.targetForm === "authority" ? "" : this.target;
    }
    const path = this.#text(this.#line.authorityEnd, this.#line.targetEnd);
    return path.startsWith("/") ? path : `/${path}`;
  }

  get headers(): HeaderList {
    this.#headers ??= this.#length === 0 ? noHeaders : this.#fields.list();
    return this.#headers;
  }

  header(lowerName: string): string | undefined {
    return this.#fields.joined(lowerName);
  }

  /** The request-target as sent. */
  get target(): string {
    const { targetStart, targetEnd } = this.#line;
    return this.#lastTarget.of(this.#bytes, this.#start + targetStart, this.#start + targetEnd);
  }

  get targetForm(): TargetForm {
    return this.#line.targetForm;
  }

  get targetStart(): number {
    return this.#line.targetStart;
  }

  get targetEnd(): number {
    return this.#line.targetEnd;
  }

  get minorVersion(): MinorVersion {
    return this.#line.minorVersion;
  }

  /** How the body is delimited (RFC 9112 §6.3, rules for requests). */
  get framing(): "none" | "length" | "chunked" {
    if (this.#framing.chunked) return "chunked";
    return this.#framing.contentLength > 0 ? "length" : "none";
  }

  /** Bytes of the body by Content-Length; 0 where the framing is another. */
  get contentLength(): number {
    return Math.max(0, this.#framing.contentLength);
  }

  /** Whether the client wants the connection to outlive the exchange (RFC 9112 §9.3). */
  get keepAlive(): boolean {
    return this.#framing.keepAlive(this.minorVersion);
  }

  /** The client offers another protocol. Without meaning in HTTP/1.0 (RFC 9110 §7.8). */
  get upgrade(): boolean {
    return this.#framing.upgradeOption && this.#framing.upgradeField && this.minorVersion === 1;
  }

  /** The client may wait for 100 before it sends the body. Without meaning in HTTP/1.0 (RFC 9110 §10.1.1). */
  get expectContinue(): boolean {
    return this.#framing.expectContinue && this.minorVersion === 1;
  }

  get fieldCount(): number {
    return this.#fields.count;
  }

  /** First byte of a header line. With `lineEnd`, the range to leave out when a field is dropped from the bytes. */
  lineStart(index: number): number {
    return this.#fields.lineStart(index);
  }

  /** The byte after the line's CRLF. */
  lineEnd(index: number): number {
    return this.#fields.lineEnd(index);
  }

  /** Whether the field has this name, given in lower case. */
  nameIs(index: number, lowerName: string): boolean {
    return this.#fields.nameIs(index, lowerName);
  }

  #text(from: number, to: number): string {
    return this.#bytes.toString("latin1", this.#start + from, this.#start + to);
  }
}
