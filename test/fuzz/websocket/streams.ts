// A WebSocket on a stream of HTTP/2 (RFC 8441), at both ends; Node frames the stream.

import { once } from "node:events";
import {
  connect,
  constants,
  createServer,
  type Http2Stream,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect as connectSocket } from "node:net";
import type { HostPort } from "../../../src/core/address.ts";
import type { Carrier } from "./end.ts";
import { connectFields, grantedFields } from "./handshake.ts";
import type { Plan } from "./plan.ts";

export interface Server2 extends AsyncDisposable {
  readonly address: HostPort;
}

export async function serveOver2(plan: Plan, talk: (carrier: Carrier) => void): Promise<Server2> {
  const server = createServer({
    settings: { enableConnectProtocol: true, initialWindowSize: plan.windowBytes.upstream },
  });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined); // close follows
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond(grantedFields(plan.agreed));
    talk(carrierOf(stream));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Asks for a WebSocket on a connection of its own; resolves when it is granted. */
export async function askOver2(
  { windowBytes }: Plan,
  { host, port }: HostPort,
): Promise<Carrier & { close(): void }> {
  const session = connect(`http://${host}:${port}`, {
    settings: { initialWindowSize: windowBytes.client },
    createConnection: () => connectSocket({ host, port, noDelay: true }),
  });
  session.on("error", () => undefined); // close follows
  await once(session, "remoteSettings");
  const stream = session.request(connectFields, { endStream: false });
  await once(stream, "response");
  return { ...carrierOf(stream), close: () => session.destroy() };
}

function carrierOf(stream: Http2Stream): Carrier {
  return {
    duplex: stream,
    first: null,
    reset: () => stream.close(constants.NGHTTP2_CANCEL),
  };
}
