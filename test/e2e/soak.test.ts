// Ten thousand connections opened and torn down in every state, against a sidecar in a process of its own: afterwards
// no socket, no call and no memory is left over.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { startProxy, until } from "../support/proxy-process.ts";
import { openServer } from "../support/rig.ts";

const rules = `
version: 1
rules:
  - {name: mock, matches: [{path: /mock}], respond: {body: "mocked"}}
  - {name: rich, matches: [{path: /rich}], respond: {body: "{{request.method}}", template: true, delay: 5ms}}
  - {name: body, matches: [{path: /body, body: {contains: zzz}}], respond: {body: "never"}}
  - {name: hang, matches: [{path: /hang}], fault: {abort: hang}}
  - {name: cut, matches: [{path: /cut}], fault: {truncate: {afterBytes: 10}}}
`;

/** Answers by path: whole, half and then killed, never, or an endless stream. */
function serveUpstream(socket: Socket): void {
  socket.on("data", (chunk) => {
    const path = /^[A-Z]+ (\S+)/.exec(chunk.toString("latin1"))?.[1];
    if (path === "/half") {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf of it");
      setImmediate(() => socket.resetAndDestroy());
    } else if (path === "/silent") return;
    else if (path === "/upgrade") {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello");
    } else if (path?.startsWith("/"))
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n12345678901234567890");
  });
  socket.on("end", () => socket.end());
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const upload = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nthe beginning`;

/** [what is sent, whether to wait for an answer, how the client leaves] */
const states: readonly (readonly [string, boolean, "fin" | "rst"])[] = [
  ["", false, "rst"],
  ["", false, "fin"],
  ["GE", false, "rst"],
  ["GET / HTTP/1.1\r\nHost:", false, "fin"],
  [get("/"), true, "fin"],
  [get("/"), true, "rst"],
  [get("/"), false, "rst"],
  [get("/mock") + get("/mock"), true, "fin"],
  [get("/rich"), false, "rst"],
  [get("/rich") + get("/"), true, "fin"],
  [get("/hang"), false, "rst"],
  [get("/cut"), true, "fin"],
  [get("/half"), true, "fin"],
  [get("/silent"), false, "rst"],
  [get("/silent") + get("/mock"), false, "rst"],
  [upload("/"), false, "rst"],
  [upload("/body"), false, "rst"],
  [upload("/body"), false, "fin"],
  [upload("/mock"), true, "rst"],
  ["GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", true, "rst"],
  ["GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", true, "fin"],
  ["\x16\x03\x01\x00\x05\x01garbage", false, "rst"],
  ["not http at all", false, "fin"],
  ["GET / HTTP/1.1\r\n\r\n", true, "fin"],
];

function visit(port: number, index: number): Promise<void> {
  const [bytes, waits, leaves] = states[index % states.length] ?? ["", false, "rst"];
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const leave = () => {
      if (leaves === "rst") socket.resetAndDestroy();
      else socket.end();
    };
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.once("connect", () => {
      if (bytes !== "") socket.write(bytes, "latin1");
      if (waits) socket.once("data", leave);
      else setImmediate(leave);
    });
    socket.resume();
  });
}

async function visitAll(port: number, count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await visit(port, next++);
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}

const residentKiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
const sockets = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

test("soak: 10,000 connections in every state leave nothing behind", { timeout: 120_000 }, async () => {
  await using upstream = await openServer(serveUpstream);
  // A small heap: what is only garbage is collected early, and what leaks ends the process.
  await using proxy = await startProxy(upstream.address.port, rules, ["--max-old-space-size=64"]);
  const { pid, port } = proxy;
  const isIdle = async () => (await proxy.gauge("understudy_connections_active")) === 0;
  await visitAll(port, 2_000); // warm: code compiled, buffers pooled, heap grown
  await until(() => "connections of the first round stay open", isIdle);
  const before = { files: sockets(pid), kib: residentKiB(pid) };
  await visitAll(port, 10_000);
  await until(() => "connections stay open", isIdle);
  await until(
    () => `sockets left: ${sockets(pid)} of ${before.files}`,
    () => sockets(pid) <= before.files,
  );
  const grownKiB = residentKiB(pid) - before.kib;
  assert.ok(grownKiB < 40_000, `grew by ${grownKiB} KiB`);
  assert.equal(upstream.server.listening, true);
  assert.equal(await proxy.stop(), 0);
});
