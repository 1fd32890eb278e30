// Requests that the sidecar makes for itself (introspection of a schema, fields that another server answers): one POST over a
// connection of its own, through the client of Node.

import type { Socket } from "node:net";
import type { HostPort } from "../../core/address.ts";
import { messageOf, UnderstudyError } from "../../core/errors.ts";
import type { HeaderList } from "../../core/headers.ts";

export interface OwnRequestDeps {
  readonly connectTcp: (upstream: HostPort, signal: AbortSignal) => Promise<Socket>;
  /** Certificates in PEM that are trusted beside those of Node. */
  readonly extraRoots?: readonly string[];
}

interface Request {
  readonly scheme: "http" | "https";
  readonly destination: HostPort;
  readonly authority: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

interface Reply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

/** Rejects with connect_failed, body_too_large past `maxBytes`, or the signal's reason. */
export function createOwnRequest(
  deps: OwnRequestDeps,
): (request: Request, maxBytes: number, signal: AbortSignal) => Promise<Reply> {
  return async (request, maxBytes, signal) => {
    const { destination } = request;
    try {
      const socket = await open(request, deps, signal);
      return await send(request, socket, maxBytes, signal);
    } catch (cause) {
      if (signal.aborted || cause instanceof UnderstudyError) throw cause;
      const place = `${destination.host}:${destination.port}`;
      throw new UnderstudyError("connect_failed", `${place}: ${messageOf(cause)}`, { cause });
    }
  };
}

async function open(request: Request, deps: OwnRequestDeps, signal: AbortSignal): Promise<Socket> {
  const socket = await deps.connectTcp(request.destination, signal);
  if (request.scheme === "http") return socket;
  const { connect, getCACertificates } = await import("node:tls");
  const { isIP } = await import("node:net");
  const name = request.authority.replace(/:\d+$/, "");
  const ca = deps.extraRoots ? [...getCACertificates("default"), ...deps.extraRoots] : undefined;
  const secure = connect({
    socket,
    host: name,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(ca ? { ca } : {}),
    ALPNProtocols: ["http/1.1"],
  });
  secure.on("error", () => socket.destroy());
  return secure;
}

async function send(request: Request, socket: Socket, maxBytes: number, signal: AbortSignal): Promise<Reply> {
  const http = await import("node:http");
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      createConnection: () => socket,
      method: "POST",
      path: request.path,
      setHost: false,
      headers: [
        "Host",
        request.authority,
        ...request.headers.flat(),
        "Content-Length",
        String(request.body.length),
        "Connection",
        "close",
      ],
      signal,
    });
    outgoing.on("error", (error) => reject(signal.aborted ? signal.reason : error));
    outgoing.on("response", (incoming) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        parts.push(chunk);
        if (bytes <= maxBytes) return;
        outgoing.destroy();
        reject(new UnderstudyError("body_too_large", `answer: expected at most ${maxBytes} bytes, got more`));
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        resolve({
          status: incoming.statusCode ?? 0,
          headers: pairsOf(incoming.rawHeaders),
          body: Buffer.concat(parts, bytes),
        });
      });
    });
    outgoing.end(request.body);
  });
}

function pairsOf(raw: readonly string[]): HeaderList {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return pairs;
}
