// WebSockets for tests: an upstream that echoes, a client that reads message by message, rules as users write them.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ServerOptions, WebSocket, WebSocketServer } from "ws";
import { parseRules } from "../../../../src/control/rules/parse.ts";
import type { HostPort } from "../../../../src/core/address.ts";
import type { RuleSpec } from "../../../../src/core/rule.ts";

/** The rules behind `rules:`; fails the test with what is wrong with them. */
export function rulesOf(text: string): readonly RuleSpec[] {
  const { rules, problems } = parseRules(`version: 1\nrules:${text}\n`, "rules.yaml", "/");
  if (problems.length > 0) throw new Error(problems.map((one) => `${one.path}: ${one.message}`).join("\n"));
  return rules;
}

export interface Echo extends AsyncDisposable {
  readonly address: HostPort;
  readonly got: string[];
  readonly pings: () => number;
  /** How each connection was closed. */
  readonly closes: number[];
  /** The first connection is over, and all that it brought has been read. */
  readonly closed: Promise<void>;
  readonly server: WebSocketServer;
}

/** Sends each message back as it came. */
export async function openEcho(options: ServerOptions = {}): Promise<Echo> {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: { threshold: 0 },
    ...options,
  });
  await once(server, "listening");
  const got: string[] = [];
  const closes: number[] = [];
  const closed = Promise.withResolvers<void>();
  let pings = 0;
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => {
      got.push(data.toString());
      socket.send(data, { binary });
    });
    socket.on("ping", () => pings++);
    socket.on("close", (code) => {
      closes.push(code);
      closed.resolve();
    });
    socket.on("error", () => undefined);
  });
  return {
    address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    ...{ got, closes, server, closed: closed.promise },
    pings: () => pings,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, "close");
    },
  };
}

export interface Client extends AsyncDisposable {
  readonly socket: WebSocket;
  /** The next message as text; rejects where the connection ends before. */
  next(): Promise<string>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

export async function openClient(
  address: HostPort,
  protocols: readonly string[] = [],
  path = "/chat",
): Promise<Client> {
  const socket = new WebSocket(`ws://${address.host}:${address.port}${path}`, [...protocols], {
    perMessageDeflate: { threshold: 0 },
  });
  const inbox: string[] = [];
  const waiting: { resolve(text: string): void; reject(error: Error): void }[] = [];
  socket.on("message", (data) => {
    const waiter = waiting.shift();
    if (waiter) waiter.resolve(data.toString());
    else inbox.push(data.toString());
  });
  socket.on("error", () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`closed with ${code} ${reason}`));
      resolve({ code, reason: reason.toString() });
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    closed,
    next: () =>
      new Promise((resolve, reject) => {
        const text = inbox.shift();
        if (text !== undefined) resolve(text);
        else if (socket.readyState === WebSocket.CLOSED) reject(new Error("closed"));
        else waiting.push({ resolve, reject });
      }),
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}

export async function messagesOf(client: Client, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(await client.next());
  return texts;
}
