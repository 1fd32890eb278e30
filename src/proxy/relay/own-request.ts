// Requests that the sidecar makes for itself (introspection of a schema, fields that another server answers): one POST over a
// connection of its own, through the client of Node.

import { type HostPort, splitAuthority } from "../../core/address.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { HeaderList } from "../../core/headers.ts";
import type { Carrier } from "../../core/link.ts";
import { tcpFailureText } from "./tcp-failure.ts";
import type { UpstreamTrust } from "./upstream-trust.ts";

export interface OwnRequestDeps {
  readonly connectTcp: (upstream: HostPort, signal: AbortSignal) => Promise<Carrier>;
  /** On which terms TLS is spoken. */
  readonly trust: UpstreamTrust;
}

/** Loaded with the first request over TLS. */
type Secure = (request: Request, tcp: Carrier, signal: AbortSignal) => Promise<Carrier>;

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
  let loading: Promise<Secure> | null = null;
  const open = async (request: Request, signal: AbortSignal): Promise<Carrier> => {
    const socket = await deps.connectTcp(request.destination, signal);
    if (request.scheme === "http") return socket;
    loading ??= loadSecure(deps.trust);
    return (await loading)(request, socket, signal);
  };
  return async (request, maxBytes, signal) => {
    try {
      return await send(request, await open(request, signal), maxBytes, signal);
    } catch (cause) {
      if (signal.aborted || cause instanceof UnderstudyError) throw cause;
      throw new UnderstudyError("connect_failed", tcpFailureText(cause, request.destination), { cause });
    }
  };
}

async function loadSecure(trust: UpstreamTrust): Promise<Secure> {
  const [{ shakeHands }, { createTerms }] = await Promise.all([
    import("./tls-handshake.ts"),
    import("./upstream-trust.ts"),
  ]);
  const termsFor = createTerms(trust);
  return async ({ authority, destination }, tcp, signal) => {
    const serverName = splitAuthority(authority)?.host ?? "";
    const aim = { upstream: destination, serverName, protocols: ["http/1.1"] };
    const handshake = { aim, session: null, keepSession: () => undefined, inletOf: () => null, signal };
    try {
      return (await shakeHands(tcp, { ...termsFor(aim), ...handshake })).socket;
    } catch (thrown) {
      tcp.destroy();
      throw thrown;
    }
  };
}

async function send(
  request: Request,
  socket: Carrier,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Reply> {
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
