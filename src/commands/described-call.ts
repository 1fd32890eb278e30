// A call as it is described on the command line: `--request 'POST http://host/path' -H … -d …`.

import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseHostPort } from "../core/address.ts";
import type { ConnectionFacts } from "../core/connection.ts";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import type { RequestHead } from "../core/exchange.ts";
import { type HeaderList, headerValue } from "../core/headers.ts";
import type { Payload } from "../core/payload.ts";
import { asksForWebSocket } from "../core/websocket-request.ts";
import { requestHead } from "../proxy/match/request-head.ts";
import type { Shell } from "./command.ts";

/** Values of the flags, as given. */
export interface CallFlags {
  readonly request?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly data?: string | undefined;
  readonly message?: string | undefined;
  readonly direction?: string | undefined;
  readonly destination?: string | undefined;
}

/** The call before anything is made of what it carries. */
export interface WrittenCall {
  readonly head: RequestHead;
  readonly connection: ConnectionFacts;
  /** What was given with `--data`; empty where nothing was. */
  readonly data: Uint8Array;
  readonly message: Payload | null;
}

/** Throws `usage`, which says what was expected. */
export async function readCall(flags: CallFlags, shell: Pick<Shell, "cwd">): Promise<WrittenCall> {
  if (flags.request === undefined) throw usage(`--request: expected a call such as 'GET http://host/path'`);
  const headers = (flags.header ?? []).map(readHeader);
  const head = readRequest(flags.request, headers, flags.data === undefined ? "GET" : "POST");
  const isSocket = asksForWebSocket(head);
  if (isSocket && flags.data !== undefined)
    throw usage("--data: a request for a WebSocket has no body; --message is for what its messages say");
  if (!isSocket && flags.message !== undefined)
    throw usage(`--message: expected a WebSocket, ws://host/path, got ${JSON.stringify(flags.request)}`);
  return {
    head,
    connection: readConnection(flags.direction, flags.destination),
    data: (await readText("--data", flags.data ?? "", shell)).bytes,
    message: flags.message === undefined ? null : await readText("--message", flags.message, shell),
  };
}

/** A mistake of who typed the command. */
export function usage(message: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError("usage", `rules explain: ${message}`, { cause });
}

interface Scheme {
  readonly http: string;
  readonly method: string;
  readonly why: string;
  /** What clients of it send. */
  readonly fields: HeaderList;
}

const upgrade: HeaderList = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
];
const socket = { method: "GET", why: "with which a WebSocket is asked for", fields: upgrade };
const grpc = {
  ...{ method: "POST", why: "with which gRPC is spoken" },
  fields: [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ] as HeaderList,
};

/** What is not HTTP by name. */
const schemes: ReadonlyMap<string, Scheme> = new Map([
  ["ws", { ...socket, http: "http" }],
  ["wss", { ...socket, http: "https" }],
  ["grpc", { ...grpc, http: "http" }],
  ["grpcs", { ...grpc, http: "https" }],
]);

function readRequest(text: string, given: HeaderList, usual: string): RequestHead {
  const [, written, named = ""] = /^\s*(?:([!#$%&'*+.^_`|~\w-]+)\s+)?(\S+)\s*$/.exec(text) ?? [];
  const [, name = "", rest = ""] = /^([a-z]+)(:\/\/.*)$/i.exec(named) ?? [];
  const scheme = schemes.get(name.toLowerCase());
  const method = written ?? scheme?.method ?? usual;
  if (method === "CONNECT") return tunnelHead(named, given, text);
  if (scheme && method !== scheme.method)
    throw usage(`--request: expected ${scheme.method}, ${scheme.why}, got ${JSON.stringify(text)}`);
  const added = scheme?.fields.filter(([field]) => headerValue(given, field) === undefined) ?? [];
  const url = scheme ? `${scheme.http}${rest}` : named;
  const head = requestHead({ method, url, headers: [...given, ...added] });
  if (head === null)
    throw usage(`--request: expected '[METHOD] URL' with ${known}, got ${JSON.stringify(text)}`);
  const [, port = ""] = /:(\d+)$/.exec(head.authority) ?? [];
  if (Number(port) > 65_535) throw usage(`--request: expected a port up to 65535, got ${port}`);
  return head;
}

/** RFC 9112 §3.2.3 */
function tunnelHead(target: string, headers: HeaderList, text: string): RequestHead {
  const head = /^[^/?#\s]+:\d+$/.test(target)
    ? requestHead({ method: "CONNECT", authority: target, path: "", headers })
    : null;
  if (head === null) throw usage(`--request: expected 'CONNECT HOST:PORT', got ${JSON.stringify(text)}`);
  return head;
}

const known = "http://, https://, ws://, wss:// or grpc://";

function readHeader(text: string): readonly [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*?)\s*$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw usage(`--header: expected 'NAME: VALUE', got ${JSON.stringify(text)}`);
  }
  return [name, value];
}

function readConnection(direction = "outbound", destination?: string): ConnectionFacts {
  if (direction !== "inbound" && direction !== "outbound") {
    throw usage(`--direction: expected inbound or outbound, got ${JSON.stringify(direction)}`);
  }
  return {
    id: "described",
    direction,
    downstream: { host: "127.0.0.1", port: 0 },
    originalDestination: destination === undefined ? null : readDestination(destination),
  };
}

function readDestination(text: string): ConnectionFacts["originalDestination"] {
  try {
    return parseHostPort(text, "--destination");
  } catch (cause) {
    throw usage(messageOf(cause), cause);
  }
}

/** The text itself, or with `@` the file of that name, which is binary unless it is UTF-8. */
async function readText(flag: string, given: string, shell: Pick<Shell, "cwd">): Promise<Payload> {
  if (!given.startsWith("@")) return { binary: false, bytes: Buffer.from(given) };
  try {
    const bytes = await readFile(resolve(shell.cwd, given.slice(1)));
    return { binary: !isUtf8(bytes), bytes };
  } catch (cause) {
    throw usage(`${flag}: expected a file that can be read: ${messageOf(cause)}`, cause);
  }
}
