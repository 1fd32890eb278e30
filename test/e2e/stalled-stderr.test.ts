// Whoever reads the lines about traffic may stop reading: the command beside us, its calls and its end notice nothing.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
const calls = 1_500;

/** Calls through the proxy, each of which is several debug lines. */
const command = `
  const { request, Agent } = require("node:http");
  const agent = new Agent({ keepAlive: true });
  const [proxy, target] = [new URL(process.env.HTTP_PROXY), process.argv[1]];
  const call = () => new Promise((done, fail) => request(
    { host: proxy.hostname, port: proxy.port, path: target, agent },
    (response) => response.resume().on("end", done),
  ).on("error", fail).end());
  (async () => {
    for (let left = ${calls}; left > 0; left--) await call();
    console.log("all answered");
  })();
`;

async function runStalled(context: TestContext, stderr: "pipe" | number): Promise<void> {
  const server = createServer((_request, response) => response.end("ok")).listen(0, "127.0.0.1");
  context.after(() => server.close());
  await once(server, "listening");
  const target = `http://127.0.0.1:${Object(server.address()).port}/`;
  const words = ["run", "--mode", "env", "--admin", "off", "--", process.execPath, "-e", command, target];
  // Nobody reads what comes through it.
  const child = spawn(process.execPath, [program, ...words], {
    env: { PATH: process.env.PATH, UNDERSTUDY_DEBUG: "*" },
    stdio: ["ignore", "pipe", stderr],
    timeout: 20_000,
  });
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "exit");
  child.stderr?.destroy();
  assert.equal(code, 0);
  assert.equal(said, "all answered\n");
}

test("run: a pipe of lines that nobody reads stops nothing", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-stalled-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "lines");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  context.after(() => {
    closeSync(reader);
    closeSync(writer);
  });
  await runStalled(context, writer);
});

test("run: a socket of lines that nobody reads stops nothing", (context) => runStalled(context, "pipe"));
