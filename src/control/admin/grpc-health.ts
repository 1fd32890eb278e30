// grpc.health.v1.Health on the admin port (github.com/grpc/grpc doc/health-checking.md): Check and Watch, saying what
// /readyz says. Two messages of one field each need no library.

import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { createRequire } from "node:module";
import { type Clock, sleep } from "../../core/clock.ts";
import { isTrustedHost } from "./host-check.ts";

export interface HealthDeps {
  readonly isReady: () => boolean;
  readonly clock: Clock;
  /** In lower case. */
  readonly names: ReadonlySet<string>;
}

const serving = { ready: 1, notReady: 2, unknown: 3 } as const;
const ok = 0;
const invalidArgument = 3;
const notFound = 5;
const unimplemented = 12;

/** Names under which the sidecar's state is asked for; "" is the server as a whole. */
const services: ReadonlySet<string> = new Set(["", "understudy"]);
const maxRequestBytes = 4_096;
/** How soon a watcher hears of a change. */
const watchMs = 500;

/** A server for connections that are handed over by `emit("connection")`; loads node:http2. */
export function createHealthServer(deps: HealthDeps): Http2Server {
  const http2 = createRequire(import.meta.url)("node:http2") as typeof import("node:http2");
  const server = http2.createServer({ settings: { maxConcurrentStreams: 100, maxHeaderListSize: 8_192 } });
  server.on("sessionError", () => undefined); // a client that breaks the protocol is its own affair
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => undefined); // the client left
    void serve(stream, headers, deps).catch(() => stream.destroy());
  });
  return server;
}

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  deps: HealthDeps,
): Promise<void> {
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("application/grpc") || !isTrustedHost(headers[":authority"], deps.names)) {
    stream.respond({ ":status": type.startsWith("application/grpc") ? 421 : 415 }, { endStream: true });
    return;
  }
  const [, method] = /^\/grpc\.health\.v1\.Health\/(Check|Watch)$/.exec(headers[":path"] ?? "") ?? [];
  if (method === undefined) return refuse(stream, unimplemented, "this port has grpc.health.v1.Health alone");
  const service = await readService(stream);
  if (service === null) return refuse(stream, invalidArgument, "expected a HealthCheckRequest");
  if (method === "Watch") return watch(stream, service, deps);
  if (!services.has(service)) return refuse(stream, notFound, `unknown service ${JSON.stringify(service)}`);
  open(stream);
  stream.end(messageOf(statusOf(service, deps)));
}

function statusOf(service: string, { isReady }: HealthDeps): number {
  if (!services.has(service)) return serving.unknown;
  return isReady() ? serving.ready : serving.notReady;
}

/** The state now, and each time it changes, until the client leaves. */
async function watch(stream: ServerHttp2Stream, service: string, deps: HealthDeps): Promise<void> {
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  open(stream);
  for (let last = -1; !stream.closed; ) {
    const status = statusOf(service, deps);
    if (status !== last) stream.write(messageOf(status));
    last = status;
    await sleep(deps.clock, watchMs, gone.signal).catch(() => undefined);
  }
}

function open(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(ok) }));
}

function refuse(stream: ServerHttp2Stream, code: number, text: string): void {
  const fields = { "content-type": "application/grpc", "grpc-status": String(code), "grpc-message": text };
  stream.respond({ ":status": 200, ...fields }, { endStream: true });
}

/** HealthCheckResponse {ServingStatus status = 1} behind its length. */
function messageOf(status: number): Buffer {
  return Buffer.from([0, 0, 0, 0, 2, 0x08, status]);
}

/** HealthCheckRequest {string service = 1}; null for anything else. */
async function readService(stream: ServerHttp2Stream): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > maxRequestBytes) return null;
  }
  const body = Buffer.concat(parts);
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return null;
  const message = body.subarray(5);
  if (message.length === 0) return "";
  const length = message[1] ?? 0;
  const isName = message[0] === 0x0a && length < 0x80 && message.length === 2 + length;
  return isName ? message.subarray(2).toString() : null;
}
