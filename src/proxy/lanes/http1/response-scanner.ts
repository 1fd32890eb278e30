// The head of a response, read in place: status line (RFC 9112 §4), header section, framing. As strict towards
// upstreams as `request-scanner.ts` is towards downstreams: what a client could misread is not passed on.

import type { HeaderList } from "../../../core/headers.ts";
import { FieldLines } from "./field-lines.ts";
import { MessageFraming } from "./framing.ts";
import type { Refusal } from "./refusal.ts";
import type { HeadLimits } from "./request-scanner.ts";
import { StatusLine } from "./status-line.ts";
import type { MinorVersion } from "./version.ts";

const noBytes = Buffer.alloc(0);
const noHeaders: HeaderList = [];

/** How a response body is delimited. */
export type ResponseFraming = "none" | "length" | "chunked" | "until-close";

/**
 * One per upstream connection, reused. Everything but `scan`, `reset` and `refusal` is valid after a complete scan,
 * until `reset` or until the scanned bytes are overwritten.
 */
export class ResponseScanner {
  readonly #limits: HeadLimits;
  readonly #line = new StatusLine();
  readonly #fields: FieldLines;
  readonly #framing = new MessageFraming();
  #bytes: Buffer = noBytes;
  #start = 0;
  #inFields = false;
  #complete = false;
  #refusal: Refusal | null = null;
  #headers: HeaderList | null = null;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#fields = new FieldLines(limits.maxHeaders, "header");
  }

  /** Forgets the last head. To be called before each new one, interim responses included. */
  reset(): void {
    this.#line.begin();
    this.#inFields = false;
    this.#complete = false;
    this.#refusal = null;
    this.#headers = null;
    this.#bytes = noBytes;
  }

  /** Why the head is refused; null while it is not. */
  get refusal(): Refusal | null {
    return this.#refusal;
  }

  /** As `RequestScanner.scan`: the head's length, 0 for more bytes, -1 for refused. */
  scan(bytes: Buffer, start: number, end: number): number {
    if (this.#refusal !== null) return -1;
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
      if (after > 0) return this.#finish(after - start);
    }
    if (end - start < this.#limits.maxHeadBytes) return 0;
    const reason = `the response head is not complete after ${this.#limits.maxHeadBytes} bytes`;
    return this.#refuse({ status: 431, reason });
  }

  #finish(length: number): number {
    const refusal = this.#framing.read(this.#fields, this.#bytes, this.minorVersion);
    if (refusal !== null) return this.#refuse(refusal);
    this.#complete = true;
    return length;
  }

  #refuse(refusal: Refusal | null): -1 {
    this.#refusal = refusal;
    return -1;
  }

  get status(): number {
    return this.#line.status;
  }

  /** The reason phrase as sent; "" where none is. */
  get reason(): string {
    return this.#bytes.toString(
      "latin1",
      this.#start + this.#line.reasonStart,
      this.#start + this.#line.reasonEnd,
    );
  }

  get minorVersion(): MinorVersion {
    return this.#line.minorVersion;
  }

  get headers(): HeaderList {
    this.#headers ??= this.#complete ? this.#fields.list() : noHeaders;
    return this.#headers;
  }

  /** All values of a field, by lower-case name, joined by ", "; undefined where it is absent. */
  header(lowerName: string): string | undefined {
    return this.#fields.joined(lowerName);
  }

  /** What version and Connection options say (RFC 9112 §9.3). An `until-close` body ends the connection all the same. */
  get keepAlive(): boolean {
    return this.#framing.keepAlive(this.minorVersion);
  }

  /** 101: another protocol follows this head (RFC 9110 §15.2.2). */
  get upgrade(): boolean {
    return this.status === 101;
  }

  /** RFC 9112 §6.3, rules 1, 2 and 4 to 8. A 2xx to CONNECT has no body: what follows is the tunnel. */
  framingFor(requestMethod: string): ResponseFraming {
    const status = this.status;
    if (status < 200 || status === 204 || status === 304 || requestMethod === "HEAD") return "none";
    if (requestMethod === "CONNECT" && status < 300) return "none";
    if (this.#framing.chunked) return "chunked";
    if (this.#framing.contentLength === -1) return "until-close";
    return this.#framing.contentLength > 0 ? "length" : "none";
  }

  /** Content-Length as declared, also where the response has no body (HEAD, 304); 0 where absent. */
  get contentLength(): number {
    return Math.max(0, this.#framing.contentLength);
  }

  get fieldCount(): number {
    return this.#fields.count;
  }

  /** First byte of a header line, counted from the head's start. */
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
}
