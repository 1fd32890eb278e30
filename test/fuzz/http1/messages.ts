// Reads messages of HTTP/1 out of what has come so far: a plain second opinion, which need not be quick.

export interface Message {
  readonly first: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** Statuses of the interim replies before it. */
  readonly interims: readonly number[];
  readonly isWhole: boolean;
  /** Where the next one begins. */
  readonly end: number;
}

interface Content {
  readonly body: string;
  readonly trailers: readonly string[];
  /** -1: it is not whole. */
  readonly end: number;
}

/** `methods`: of the requests that these are replies to; null: they are requests. `hasEnded`: nothing more comes. */
export function readMessages(bytes: string, methods: readonly string[] | null, hasEnded: boolean): Message[] {
  const found: Message[] = [];
  let interims: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf("\r\n\r\n", at) + 4;
    if (headEnd < 4) break;
    const [first = "", ...lines] = bytes.slice(at, headEnd - 4).split("\r\n");
    const status = methods ? Number(first.split(" ")[1]) : 0;
    at = headEnd;
    if (status >= 100 && status < 200 && status !== 101) {
      interims.push(status);
      continue;
    }
    const fields = lines.map(fieldOf);
    const isBare = status === 101 || status === 204 || status === 304 || methods?.[found.length] === "HEAD";
    const content = isBare
      ? nothing(at)
      : contentOf(bytes, at, fields, methods !== null && hasEnded, methods !== null);
    const { body, trailers, end } = content;
    found.push({ first, fields, body, trailers, interims, isWhole: end >= 0, end: Math.max(end, at) });
    interims = [];
    if (end < 0) break;
    at = end;
  }
  return found;
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function nothing(end: number): Content {
  return { body: "", trailers: [], end };
}

/** RFC 9112 §6.3. */
function contentOf(
  bytes: string,
  at: number,
  fields: Message["fields"],
  hasEnded: boolean,
  isReply: boolean,
): Content {
  const said = new Map(fields);
  if (said.get("transfer-encoding") === "chunked") return chunks(bytes, at);
  const length = said.get("content-length");
  if (length === undefined && isReply) {
    return { body: bytes.slice(at), trailers: [], end: hasEnded ? bytes.length : -1 };
  }
  const end = at + Number(length ?? 0);
  return { body: bytes.slice(at, end), trailers: [], end: end <= bytes.length ? end : -1 };
}

function chunks(bytes: string, from: number): Content {
  let body = "";
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(bytes.slice(at, lineEnd), 16);
    const to = lineEnd + 2 + size;
    if (size === 0) {
      const end = bytes.indexOf("\r\n\r\n", lineEnd);
      if (end < 0) break;
      const trailers = bytes.slice(lineEnd + 2, Math.max(end, lineEnd + 2)).split("\r\n");
      return { body, trailers: trailers.filter((line) => line !== ""), end: end + 4 };
    }
    body += bytes.slice(lineEnd + 2, to);
    if (bytes.length < to + 2) break;
    at = to + 2;
  }
  return { body, trailers: [], end: -1 };
}
