// A real GraphQL server over WebSocket for tests, and raw messages to a sidecar.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { buildSchema } from "graphql";
import { useServer as serveOver } from "graphql-ws/use/ws";
import { WebSocket, WebSocketServer } from "ws";
import type { HostPort } from "../../../../../src/core/address.ts";
import { shopSdl } from "./stage.ts";

export interface SocketUpstream extends AsyncDisposable {
  readonly address: HostPort;
  /** Documents of every operation that came. */
  readonly asked: string[];
  /** Ids of operations that the client ended. */
  readonly completed: string[];
}

/** A server of graphql-ws. `root`: its root value; a subscription field yields what it iterates. */
export async function openSocketServer(root: Record<string, object | number>): Promise<SocketUpstream> {
  const asked: string[] = [];
  const completed: string[] = [];
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: { threshold: 0 } });
  serveOver(
    {
      schema: buildSchema(shopSdl),
      roots: { query: root, mutation: root, subscription: root },
      onSubscribe: (_context, _id, { query }) => void asked.push(query),
      onComplete: (_context, id) => void completed.push(id),
    },
    server,
  );
  await once(server, "listening");
  return {
    ...{ asked, completed },
    address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, "close");
    },
  };
}

export interface RawSocket extends AsyncDisposable {
  readonly protocol: string;
  say(...messages: readonly unknown[]): void;
  /** The next message. */
  // biome-ignore lint/suspicious/noExplicitAny: what the tests look into is JSON of any shape
  hear(): Promise<any>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** `url`: of the sidecar, over http. */
export async function openRaw(url: string, protocols: readonly string[]): Promise<RawSocket> {
  const socket = new WebSocket(url.replace("http:", "ws:"), [...protocols]);
  const heard: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.on("message", (data) => {
    const next = waiting.shift();
    if (next) next(data.toString());
    else heard.push(data.toString());
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  await once(socket, "open");
  return {
    protocol: socket.protocol,
    closed,
    say(...messages) {
      for (const message of messages)
        socket.send(typeof message === "string" ? message : JSON.stringify(message));
    },
    async hear() {
      const text = heard.shift() ?? (await new Promise<string>((resolve) => waiting.push(resolve)));
      return JSON.parse(text);
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}

/** All results of one operation of a client of graphql-ws. Rejects with what the server refused. */
export async function resultsOf(results: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const result of results) all.push(JSON.parse(JSON.stringify(result)));
  return all;
}
