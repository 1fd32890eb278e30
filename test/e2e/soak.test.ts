// Ten thousand connections opened and torn down in every state, against a sidecar in a process of its own: afterwards
// no socket, no call and no memory is left over.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openServer } from "../support/rig.ts";

const entry = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
const rules = `
version: 1
rules:
  - {name: mock, matches: [{path: /mock}], respond: {body: "mocked"}}
  - {name: rich, matches: [{path: /rich}], respond: {body: "{{request.method}}", template: true, delay: 5ms}}
  - {name: body, matches: [{path: /body, body: {contains: zzz}}], respond: {body: "never"}}
  - {name: hang, matches: [{path: /hang}], fault: {abort: hang}}
  - {name: cut, matches: [{path: /cut}], fault: {truncate: {afterBytes: 10}}}
`;

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly admin: string;
}

async function start(upstreamPort: number, folder: string): Promise<Running> {
  const file = join(folder, "rules.yaml");
  writeFileSync(file, rules);
  const args = [
    entry,
    "proxy",
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
    "--rules",
    file,
    "--json",
  ];
  args.push("--to", `127.0.0.1:${upstreamPort}`);
  // A small heap: what is only garbage is collected early, and what leaks ends the process.
  const child = spawn(process.execPath, ["--max-old-space-size=64", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { msg?: string; listen?: { proxy: string }; admin?: string };
    if (said.msg !== "started" || !said.listen || !said.admin) continue;
    child.stdout.resume();
    child.stderr.resume();
    return { child, port: Number(said.listen.proxy.split(":").at(-1)), admin: said.admin };
  }
  throw new Error("the proxy did not start");
}

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

/** The sum over all labels. */
async function gauge(admin: string, name: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", admin))).text();
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))];
  assert.ok(samples.length > 0, `${name} is not among the metrics`);
  return samples.reduce((sum, sample) => sum + Number(sample[1]), 0);
}

/** Asks until the figure fits, for as long as the sidecar's own linger and deadlines may take. */
async function until(what: string, fits: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  while (!(await fits())) {
    if (deadline.aborted) assert.fail(what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const residentKiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
const sockets = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

test("soak: 10,000 connections in every state leave nothing behind", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-soak-"));
  await using upstream = await openServer(serveUpstream);
  const { child, port, admin } = await start(upstream.address.port, folder);
  const pid = child.pid ?? 0;
  try {
    await visitAll(port, 2_000); // warm: code compiled, buffers pooled, heap grown
    await until(
      "connections of the first round stay open",
      async () => (await gauge(admin, "understudy_connections_active")) === 0,
    );
    const before = { files: sockets(pid), kib: residentKiB(pid) };
    await visitAll(port, 10_000);
    await until(
      "connections stay open",
      async () => (await gauge(admin, "understudy_connections_active")) === 0,
    );
    await until(`sockets left: ${sockets(pid)} of ${before.files}`, () => sockets(pid) <= before.files);
    const grownKiB = residentKiB(pid) - before.kib;
    assert.ok(grownKiB < 40_000, `grew by ${grownKiB} KiB`);
    assert.equal(upstream.server.listening, true);
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
