// A body that comes a byte at a time costs what a body costs: nothing is kept of how it came.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Running, startUnderstudy } from "../support/understudy-process.ts";

const pieces = 200_000;
/** Kept as they came, they would be 60 to 100 MB; what runs for the first time, and garbage, is some 10. */
const mostBytes = 36_000_000;
const rules = `
version: 1
rules:
  - {name: late, matches: [{path: /pay, body: {contains: the end}}], respond: {body: mocked}}
`;

async function start(context: TestContext): Promise<{ running: Running; port: number }> {
  const folder = mkdtempSync(join(tmpdir(), "understudy-drip-"));
  const file = join(folder, "rules.yaml");
  writeFileSync(file, rules);
  const words = ["--listen", "127.0.0.1:0", "--admin", "off", "--to", "127.0.0.1:9", "--rules", file];
  const running = startUnderstudy(["proxy", ...words, "--json"]);
  context.after(async () => {
    running.process.kill("SIGTERM");
    await running.finished;
    rmSync(folder, { recursive: true });
  });
  const [, port] = await running.seen("stdout", /"proxy":"127\.0\.0\.1:(\d+)"/);
  return { running, port: Number(port) };
}

function residentBytes({ pid }: Running): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

async function http1(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  socket.write("POST /pay HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let i = 0; i < pieces; i++) {
    socket.write("1\r\nx\r\n");
    await turn();
  }
  socket.write("7\r\nthe end\r\n0\r\n\r\n");
  return (await text(socket)).split("\r\n\r\n")[1] ?? "";
}

async function http2(port: number): Promise<string> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ":method": "POST", ":path": "/pay" });
  for (let i = 0; i < pieces; i++) {
    stream.write("x");
    await turn();
  }
  stream.end("the end");
  const reply = await text(stream);
  session.close();
  return reply;
}

const skip = process.platform === "linux" ? false : "needs /proc";

for (const [name, send] of [
  ["HTTP/1", http1],
  ["HTTP/2", http2],
] as const)
  test(`${name}: a body in ${pieces} pieces is looked at, and its pieces are not kept`, {
    skip,
  }, async (context) => {
    const { running, port } = await start(context);
    const before = residentBytes(running);
    assert.equal(await send(port), "mocked");
    const grown = residentBytes(running) - before;
    assert.ok(grown < mostBytes, `grew by ${Math.round(grown / 1e6)} MB`);
  });
