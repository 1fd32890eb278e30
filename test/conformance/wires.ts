// One call over each wire that rules work on, from an ordinary client to an ordinary server, told in the same terms.

import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { Authority } from "../../src/core/certificates.ts";
import type { RuleSpec } from "../../src/core/rule.ts";
import { testAuthority } from "../support/https.ts";
import { openRig, type Rig, type RigOptions } from "../support/rig.ts";

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Leave after so many milliseconds. */
  readonly leaveAfterMs?: number;
}

export interface Answer {
  /** 0: none came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** False: it was cut, or none came. */
  readonly whole: boolean;
}

export interface Line extends AsyncDisposable {
  readonly rig: Rig;
  ask(what: Ask): Promise<Answer>;
}

export interface Wire {
  readonly name: string;
  open(rules: readonly Partial<RuleSpec>[], options?: Partial<RigOptions>): Promise<Line>;
}

type Serve = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** Answers with what it was asked, and with a body of its own length where the path says `/bytes/N`. */
const echo: Serve = (request, response) => {
  const parts: Buffer[] = [];
  request.on("error", () => undefined);
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const sized = /^\/bytes\/(\d+)/.exec(request.url ?? "");
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !name.startsWith(":")),
    );
    const body = sized
      ? Buffer.alloc(Number(sized[1]), "x")
      : Buffer.from(
          JSON.stringify({
            method: request.method,
            path: request.url,
            headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
    response.setHeader("content-type", "application/json");
    response.setHeader("x-server", "echo");
    response.setHeader("trailer", "x-bytes");
    response.addTrailers({ "x-bytes": String(body.length) });
    response.end(body);
  });
};

interface Origin extends AsyncDisposable {
  readonly port: number;
}

async function listening(server: http.Server | http2.Http2Server): Promise<Origin> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket: { destroy(): void }) => sockets.add(socket));
  server.on("sessionError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function askHttp1(rig: Rig, what: Ask): Promise<Answer> {
  return new Promise((resolve) => {
    const { method = what.body === undefined ? "GET" : "POST", path, headers = {} } = what;
    const request = http.request({ ...rig.address, method, path, headers, agent: false });
    const parts: Buffer[] = [];
    let response: http.IncomingMessage | undefined;
    request.on("error", () => undefined);
    request.on("response", (given) => {
      response = given;
      given.on("data", (part: Buffer) => parts.push(part));
      given.on("error", () => undefined);
    });
    request.on("close", () =>
      resolve({
        status: response?.statusCode ?? 0,
        headers: response?.headers ?? {},
        trailers: response?.trailers ?? {},
        body: Buffer.concat(parts),
        whole: response?.complete ?? false,
      }),
    );
    request.end(what.body);
    if (what.leaveAfterMs !== undefined) setTimeout(() => request.destroy(), what.leaveAfterMs);
  });
}

function askHttp2(session: http2.ClientHttp2Session, what: Ask): Promise<Answer> {
  return new Promise((resolve) => {
    const { method = what.body === undefined ? "GET" : "POST", path, headers = {} } = what;
    const stream = session.request({ ":method": method, ":path": path, ...headers });
    const parts: Buffer[] = [];
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    let ended = false;
    stream.on("response", (given) => {
      head = given;
    });
    stream.on("trailers", (given) => {
      trailers = given;
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      ended = true;
    });
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        status: Number(head[":status"] ?? 0),
        headers: head,
        trailers,
        body: Buffer.concat(parts),
        whole: ended && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR,
      }),
    );
    stream.end(what.body);
    if (what.leaveAfterMs !== undefined) setTimeout(() => stream.close(8), what.leaveAfterMs);
  });
}

async function line(
  origin: Origin,
  options: Partial<RigOptions>,
  client: (rig: Rig) => Client,
): Promise<Line> {
  const rig = await openRig({ upstream: { host: "127.0.0.1", port: origin.port }, ...options });
  const { ask, close } = client(rig);
  return {
    rig,
    ask,
    async [Symbol.asyncDispose]() {
      close();
      await rig[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

interface Client {
  ask(what: Ask): Promise<Answer>;
  close(): void;
}

function clientOver(session: http2.ClientHttp2Session): Client {
  session.on("error", () => undefined);
  return { ask: (what) => askHttp2(session, what), close: () => session.destroy() };
}

let authorities: Promise<readonly [ours: Authority, theirs: Authority]> | undefined;

export const wires: readonly Wire[] = [
  {
    name: "HTTP/1",
    open: async (rules, options = {}) =>
      line(await listening(http.createServer(echo)), { rules, ...options }, (rig) => ({
        ask: (what) => askHttp1(rig, what),
        close: () => undefined,
      })),
  },
  {
    name: "h2c",
    open: async (rules, options = {}) =>
      line(await listening(http2.createServer(echo as never)), { rules, ...options }, (rig) =>
        clientOver(http2.connect(`http://127.0.0.1:${rig.address.port}`)),
      ),
  },
  {
    name: "h2 over TLS",
    open: async (rules, options = {}) => {
      authorities ??= Promise.all([testAuthority("ours"), testAuthority("theirs")]);
      const [ours, theirs] = await authorities;
      const leaf = await theirs.issue("shop.test");
      const server = http2.createSecureServer({ cert: leaf.chain, key: leaf.key }, echo as never);
      const tls = { authority: ours, extraRoots: [theirs.trust] };
      return line(await listening(server as never), { rules, tls, ...options }, (rig) =>
        clientOver(
          http2.connect(`https://127.0.0.1:${rig.address.port}`, { ca: ours.trust, servername: "shop.test" }),
        ),
      );
    },
  },
];
