// The admin port: health (also as grpc.health.v1.Health), readiness, metrics, journal, rules and the playground over HTTP,
// for people, probes and Prometheus.
// node:http with a table of a few paths: a framework would cost more memory and start time than all of the rest.

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Server } from "node:http2";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Server } from "node:net";
import type { HostPort } from "../../core/address.ts";
import { cannotListen } from "../../core/cannot-listen.ts";
import type { Clock } from "../../core/clock.ts";
import { tellProtocol } from "./first-bytes.ts";
import { createHealthServer } from "./grpc-health.ts";
import { isTrustedHost } from "./host-check.ts";
import { Places } from "./places.ts";
import { type AdminReply, json } from "./reply.ts";
import { type AdminSources, answerAdmin } from "./routes.ts";

// By require: an ESM import of node:http evaluates all its lazy exports, which costs 35 ms and 15 MB of memory.
const http: typeof import("node:http") = createRequire(import.meta.url)("node:http");

export interface AdminOptions extends AdminSources {
  /** Port 0: the system chooses one. */
  readonly listen: HostPort;
  /** Names besides addresses and localhost under which clients may call it, such as a Kubernetes service's. */
  readonly hosts?: readonly string[];
  readonly clock: Clock;
  /** For a client to take the whole of what it asked for; then it loses its connection. Default 10 s. */
  readonly stallMs?: number;
}

export interface Admin {
  /** Where it listens in fact. */
  readonly address: HostPort;
  /** Stops listening and ends open connections. Idempotent. */
  close(): Promise<void>;
}

const limits = {
  connections: 64,
  headBytes: 8_192,
  headMs: 5_000,
  requestMs: 10_000,
  idleMs: 10_000,
} as const;

/** Listens until closed or aborted. Throws `bad_config` where the address cannot be had. */
export async function startAdmin(options: AdminOptions, signal: AbortSignal): Promise<Admin> {
  const names = new Set([options.listen.host, ...(options.hosts ?? [])].map((name) => name.toLowerCase()));
  const plain = http.createServer(
    {
      maxHeaderSize: limits.headBytes,
      headersTimeout: limits.headMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.headMs,
    },
    (request, response) => {
      response.once("close", places.work(request.socket));
      void serve(request, response, names, options);
    },
  );
  let health: Http2Server | null = null;
  const places = new Places(limits.connections);
  const server = createServer((socket) => {
    places.take(socket);
    tellProtocol(socket, limits.idleMs, options.clock, (protocol) => {
      if (protocol === "http/2") {
        health ??= createHealthServer({ isReady: () => options.ready().ready, clock: options.clock, names });
        places.work(socket); // as long as it lasts: who watches is seldom told anything
        health.emit("connection", socket);
      } else {
        plain.emit("connection", socket);
        socket.resume(); // it was paused to put the bytes back
      }
    });
  });
  await listening(server, options.listen);
  // Accepting may fail later, for want of descriptors; the next attempt may succeed, so there is nothing to do.
  server.on("error", () => {});
  const address = addressOf(server);
  let closed: Promise<void> | null = null;
  const close = () => {
    closed ??= new Promise<void>((resolve) => {
      signal.removeEventListener("abort", close);
      server.close(() => resolve());
      places.clear();
    });
    return closed;
  };
  if (signal.aborted) await close();
  else signal.addEventListener("abort", close, { once: true });
  return { address, close };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  names: ReadonlySet<string>,
  options: AdminOptions,
): Promise<void> {
  const gone = new AbortController();
  response.on("error", () => {}); // the client left
  response.on("close", () => gone.abort());
  const reply = isTrustedHost(request.headers.host, names)
    ? await answerAdmin(
        {
          method: request.method ?? "",
          target: request.url ?? "",
          accept: request.headers.accept ?? "",
          contentType: request.headers["content-type"] ?? "",
          read: (limitBytes) => readBody(request, limitBytes),
          signal: gone.signal,
          unchanging: whyUnchanging(request),
        },
        options,
      )
    : strangeHost(request.headers.host);
  request.resume(); // a body that nobody asked for must not keep the connection from its next request
  if (response.destroyed) return;
  const { body } = reply;
  const whole = typeof body === "string" || body instanceof Uint8Array;
  response.writeHead(reply.status, {
    "content-type": reply.contentType,
    ...(whole ? { "content-length": Buffer.byteLength(body) } : {}),
    "cache-control": "no-store",
    "content-security-policy": reply.policy ?? "default-src 'none'",
    "x-content-type-options": "nosniff",
    ...(reply.allow === undefined ? {} : { allow: reply.allow }),
  });
  // Clients that do not read must not keep their place. Streams may well be silent.
  if (whole) {
    const stallMs = options.stallMs ?? limits.idleMs;
    const patience = options.clock.after(stallMs, () => response.destroy(), { background: true });
    response.on("close", () => patience.cancel());
  }
  if (request.method === "HEAD") response.end();
  else if (whole) response.end(body);
  else await sendChunks(body, response, gone.signal);
}

/** What fails on the way ends the reply early, which is all that can still be said. */
async function sendChunks(
  chunks: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      if (!response.write(chunk)) await once(response, "drain", { signal });
    }
    response.end();
  } catch {
    response.destroy();
  }
}

async function readBody(request: IncomingMessage, limitBytes: number): Promise<Uint8Array | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > limitBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Changes come from programs on this machine alone: neither over the network, nor from a page in a browser (CSRF). */
function whyUnchanging({ socket, headers }: IncomingMessage): string | null {
  if (headers.origin !== undefined || headers["sec-fetch-site"] !== undefined)
    return "changes are not taken from browsers";
  const from = socket.remoteAddress ?? "";
  if (/^(?:::ffff:)?127\.|^::1$/.test(from)) return null;
  return `changes are taken from this machine alone, not from ${from}`;
}

/** RFC 9110 §15.5.20: this server does not answer for that name. */
function strangeHost(host: string | undefined): AdminReply {
  return json(421, {
    error: `Host: expected an address, localhost or a name listed under adminHosts, got ${JSON.stringify(host)}`,
  });
}

function listening(server: Server, { host, port }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const ours = { what: "admin", place: { host, port }, flag: "--admin" };
    server.once("error", (cause) => reject(cannotListen(ours, cause)));
    server.listen({ host, port }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function addressOf(server: Server): HostPort {
  const { address, port } = server.address() as AddressInfo; // a listening TCP server has no other kind of address
  return { host: address, port };
}
