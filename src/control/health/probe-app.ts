// One question to the service beside us: is it well? Whatever is not a clear yes within the time is a no.

import type { ClientHttp2Session } from "node:http2";
import { createRequire } from "node:module";
import { connect } from "node:net";
import type { HostPort } from "../../core/address.ts";
import { formatHostPort } from "../../core/address.ts";
import type { HealthProbe } from "../../core/app-health.ts";

const require = createRequire(import.meta.url);
const maxAnswerBytes = 4_096;
const serving = 1;

/** null: it is well; otherwise why not. Never rejects; ends when the signal aborts. */
export function probeApp(probe: HealthProbe, signal: AbortSignal): Promise<string | null> {
  const asked =
    probe.kind === "http"
      ? probeHttp(probe, signal)
      : probe.kind === "grpc"
        ? probeGrpc(probe, signal)
        : probeTcp(probe.to, signal);
  return asked.catch((thrown: unknown) => (signal.aborted ? "no answer in time" : String(thrown)));
}

function probeHttp(
  { to, path }: Extract<HealthProbe, { kind: "http" }>,
  signal: AbortSignal,
): Promise<string | null> {
  // By require: an ESM import of node:http costs 15 MB of memory.
  const http = require("node:http") as typeof import("node:http");
  return new Promise((resolve, reject) => {
    const headers = { host: formatHostPort(to), "user-agent": "understudy-health", connection: "close" };
    const request = http.request({ host: to.host, port: to.port, path, headers, signal, agent: false });
    request.once("error", reject);
    request.once("response", (response) => {
      const { statusCode = 0 } = response;
      response.destroy(); // the status is all that matters
      resolve(statusCode >= 200 && statusCode < 400 ? null : `status ${statusCode}`);
    });
    request.end();
  });
}

function probeTcp(to: HostPort, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to.host, port: to.port, signal });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(null);
    });
  });
}

/** HealthCheckRequest {string service = 1} behind its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
function healthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.of(0x0a, name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function probeGrpc(
  { to, service }: Extract<HealthProbe, { kind: "grpc" }>,
  signal: AbortSignal,
): Promise<string | null> {
  const http2 = require("node:http2") as typeof import("node:http2");
  const session = http2.connect(`http://${formatHostPort(to)}`);
  const end = () => session.destroy();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await checkOver(session, service, signal);
  } finally {
    signal.removeEventListener("abort", end);
    session.destroy();
  }
}

function checkOver(
  session: ClientHttp2Session,
  service: string,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    session.once("error", reject);
    session.once("close", () => reject(new Error("the connection ended")));
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const parts: Buffer[] = [];
    let bytes = 0;
    let grpcStatus: string | undefined;
    const statusIn = (headers: Readonly<Record<string, unknown>>) => {
      if (headers["grpc-status"] !== undefined) grpcStatus = String(headers["grpc-status"]);
    };
    stream.on("response", statusIn);
    stream.on("trailers", statusIn);
    stream.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes <= maxAnswerBytes) parts.push(part);
    });
    stream.once("error", reject);
    stream.once("end", () => {
      if (signal.aborted) return reject(signal.reason);
      if (grpcStatus !== "0") return resolve(`grpc-status ${grpcStatus ?? "missing"}`);
      resolve(servingStatus(Buffer.concat(parts)) === serving ? null : "not serving");
    });
    stream.end(healthRequest(service));
  });
}

/** HealthCheckResponse {ServingStatus status = 1}: left out where it is 0. */
function servingStatus(body: Buffer): number {
  return body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0;
}
