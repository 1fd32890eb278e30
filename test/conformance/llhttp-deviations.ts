// Where our verdict on llhttp's corpus differs from llhttp's, each with the section that decides it. A case that stops
// deviating must leave this table, and a new one needs a reason: the test demands both.

export interface Deviation {
  /** What decides it. */
  readonly source: string;
  readonly reason: string;
  /** What we make of these inputs. */
  readonly ours: "refused" | "accepted" | "incomplete" | "rest";
  /** `file: title`, with ` #2` for the second of a name. */
  readonly cases: readonly string[];
}

export const deviations: readonly Deviation[] = [
  {
    source: "RFC 9112 §5.2",
    reason: "llhttp was told to be lenient with headers: folding, white space before the colon",
    ours: "refused",
    cases: [
      "request/connection.md: Multiple tokens with folding",
      "request/connection.md: Multiple tokens with folding, LWS, and CRLF",
      "request/connection.md: Invalid whitespace token with `Connection` header field (lenient)",
      "request/content-length.md: Invalid whitespace token with `Content-Length` header field (lenient)",
      "request/invalid.md: Spaces before headers (lenient)",
      "request/sample.md: Line folding in header value with CRLF",
      "request/sample.md: X-SSL-Nonsense",
      "response/transfer-encoding.md: Invalid OBS fold after chunked value",
    ],
  },
  {
    source: "RFC 9110 §5.5",
    reason: "llhttp was told to let control octets in values pass",
    ours: "refused",
    cases: [
      "request/lenient-header-value-relaxed.md: Control char in header value (relaxed)",
      "request/lenient-headers.md: Header value (lenient)",
      "request/lenient-headers.md: Second request header value (lenient)",
    ],
  },
  {
    source: "RFC 9112 §2.2",
    reason: "llhttp was told to let bare CR or bare LF pass",
    ours: "refused",
    cases: [
      "request/content-length.md: Missing CRLF-CRLF before body (lenient)",
      "request/invalid.md: Only LFs present (lenient)",
      "request/lenient-headers.md: Empty headers separated by CR (lenient)",
      "request/sample.md: No LF after CR (lenient)",
      "response/invalid.md: Bare CR after response line (lenient)",
      "response/invalid.md: Only LFs present and no body (lenient)",
      "response/invalid.md: Only LFs present (lenient)",
      "response/sample.md: No carriage ret (lenient)",
    ],
  },
  {
    source: "RFC 9112 §7.1",
    reason: "llhttp was told to be lenient with the line ends and spaces of chunks",
    ours: "refused",
    cases: [
      "request/transfer-encoding.md: Chunk header not terminated by CRLF (lenient)",
      "request/transfer-encoding.md: Chunk data not terminated by CRLF (lenient)",
      "request/transfer-encoding.md: Space after chunk header (lenient)",
    ],
  },
  {
    source: "RFC 9112 §6.1, §6.3",
    reason: "llhttp was told to let contradicting lengths and misplaced codings pass",
    ours: "refused",
    cases: [
      "request/content-length.md: No error on simultaneous `Content-Length` and `Transfer-Encoding: identity` (lenient)",
      "request/transfer-encoding.md: POST with `Transfer-Encoding` and `Content-Length` (lenient)",
      "request/transfer-encoding.md: POST with `chunked` before other transfer-coding (lenient)",
      "request/transfer-encoding.md: POST with `chunked` and duplicate transfer-encoding (lenient)",
    ],
  },
  {
    source: "RFC 9112 §2.3",
    reason: "llhttp was told to take any version",
    ours: "refused",
    cases: [
      "request/lenient-version.md: Invalid HTTP version (lenient)",
      "response/lenient-version.md: Invalid HTTP version (lenient)",
    ],
  },
  {
    source: "RFC 9112 §9.6",
    reason: "llhttp was told to read on after a message that closes; we leave what follows unread",
    ours: "rest",
    cases: [
      "request/connection.md: Resetting flags when keep-alive is off (1.0, lenient)",
      "response/connection.md: HTTP/1.1 with keep-alive disabled, content-length (lenient)",
      "response/connection.md: HTTP/1.1 with keep-alive disabled and 204 status (lenient)",
    ],
  },
  {
    source: "RFC 9112 §9.6",
    reason: "the input holds the text of the next fixture behind a message that closes; we leave it unread",
    ours: "rest",
    cases: ["request/connection.md: CRLF between requests, explicit `close`"],
  },
  {
    source: "RFC 9112 §2.2",
    reason: "the input holds the text of the next fixture behind its one message; that text is no response",
    ours: "refused",
    cases: ["response/sample.md: Google 301"],
  },
  {
    source: "RFC 9110 §9.1",
    reason: "a method is any token: llhttp has a list, a proxy passes on what it does not know",
    ours: "accepted",
    cases: ["request/invalid.md: HTTP protocol and ANNOUNCE method", "request/invalid.md: Invalid method"],
  },
  {
    source: "RFC 9112 §2.3",
    reason: "HTTP/1.0 and HTTP/1.1 alone are spoken: no HTTP/0.9, RTSP or ICE",
    ours: "refused",
    cases: [
      "request/method.md: SOURCE request with ICE",
      "request/method.md: OPTIONS request with RTSP",
      "request/method.md: ANNOUNCE request with RTSP",
      "request/sample.md: No HTTP version",
      "response/sample.md: RTSP response",
      "response/sample.md: ICE response",
      "response/sample.md: HTTP version 0.9",
    ],
  },
  {
    source: "RFC 9110 §9.3.6",
    reason: "CONNECT has no content: llhttp takes what is announced as such for the tunnel's first bytes",
    ours: "refused",
    cases: ["request/method.md: CONNECT with body"],
  },
  {
    source: "RFC 9112 §6.1",
    reason:
      "codings other than chunked are not understood (501): a peer that skips them sees another message end",
    ours: "refused",
    cases: [
      "request/transfer-encoding.md: POST with `chunked` as last transfer-encoding",
      "request/transfer-encoding.md: POST with `chunked` as last transfer-encoding (multiple headers)",
    ],
  },
  {
    source: "RFC 9112 §6.1, §6.3 rule 4",
    reason:
      "a response whose coding does not end in chunked would run until close; recipients differ on that, so it is refused",
    ours: "refused",
    cases: [
      "response/transfer-encoding.md: `chunked` before other transfer-encoding",
      "response/transfer-encoding.md: multiple transfer-encoding where chunked is not the last one",
      "response/transfer-encoding.md: `chunkedchunked` transfer-encoding does not enable chunked enconding",
    ],
  },
  {
    source: "RFC 9110 §4.2.4",
    reason: "user information in a target obscures its authority, and is treated as an error",
    ours: "refused",
    cases: ["request/uri.md: `host:port` and basic auth"],
  },
  {
    source: "RFC 9112 §6.3",
    reason:
      "framing is judged when the head is complete, and these are cut before it; with a final CRLF they are refused",
    ours: "incomplete",
    cases: [
      "request/content-length.md: Error on `Content-Length` overflow",
      "request/content-length.md: Error on duplicate `Content-Length`",
    ],
  },
  {
    source: "RFC 9112 §6.3",
    reason: "the fixture tells llhttp that there is no body in spite of the Content-Length; nobody tells us",
    ours: "incomplete",
    cases: [
      "request/content-length.md: Content-Length reset when no body is received",
      "response/content-length.md: Content-Length reset when no body is received",
    ],
  },
];
