// `understudy proxy` and `sidecar` in a shell of the test: real traffic, lines for people and for machines, signals.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { proxy } from "../../src/commands/proxy.ts";
import { sidecar } from "../../src/commands/sidecar.ts";
import { type FakeShell, fakeShell } from "../support/fake-shell.ts";

const here = "127.0.0.1:0";

async function upstream(context: TestContext): Promise<number> {
  const server = http.createServer((_request, response) => response.end("real"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function rulesFile(context: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-test-"));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "rules.yaml"), text);
  return join(folder, "rules.yaml");
}

const mockRule = `version: 1
rules:
  - name: declined
    matches: [{path: /mock}]
    respond: {status: 402, json: {error: declined}}
`;

async function get(
  port: number,
  path: string,
  host = "127.0.0.1",
): Promise<{ status: number | undefined; body: string }> {
  const request = http.get({ host: "127.0.0.1", port, path, agent: false, headers: { host } });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, body };
}

/** Ends the command however the test went. */
function ended(context: TestContext, shell: FakeShell, running: Promise<number>): void {
  context.after(async () => {
    shell.send("SIGTERM");
    shell.send("SIGTERM");
    await running.catch(() => {});
  });
}

test("proxy: calls that are cut when it ends are told of, too", async (context) => {
  const server = http.createServer((_request, response) => void response.write("the first half"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  context.after(() => server.closeAllConnections());
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const shell = fakeShell({ tty: true, env: { NO_COLOR: "1" } });
  const running = proxy.run(
    ["--listen", here, "--admin", "off", "--to", `127.0.0.1:${port}`, "--deadlines-drain-ms", "50ms"],
    shell,
  );
  ended(context, shell, running);
  const [, listen] = await shell.seen("err", /proxy on 127\.0\.0\.1:(\d+)/);
  const request = http.get({ host: "127.0.0.1", port: Number(listen), path: "/cut", agent: false });
  request.on("error", () => undefined);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.on("error", () => undefined).resume();
  shell.send("SIGTERM");
  assert.equal(await running, 0);
  assert.match(shell.err(), /^GET .*\/cut → .*$/m);
});

test("sidecar: an address that is taken is told with the flag that says it", async (context) => {
  const port = await upstream(context);
  const listening = sidecar.run(["--outbound", here, "--inbound", `127.0.0.1:${port}`], fakeShell({}));
  await assert.rejects(listening, { code: "bad_config", message: /choose another --inbound/ });
});

test("proxy: stands before one upstream, mocks what a rule names, and tells a person so", async (context) => {
  const port = await upstream(context);
  const rules = await rulesFile(context, mockRule);
  const shell = fakeShell({ tty: true, env: { NO_COLOR: "1" } });
  const running = proxy.run(
    ["--listen", here, "--admin", here, "--to", `127.0.0.1:${port}`, "--rules", rules],
    shell,
  );
  ended(context, shell, running);
  const [, listen, admin] = await shell.seen(
    "err",
    /proxy on 127\.0\.0\.1:(\d+), 1 rule, admin http:\/\/127\.0\.0\.1:(\d+)\//,
  );
  assert.deepEqual(await get(Number(listen), "/real"), { status: 200, body: "real" });
  assert.deepEqual(await get(Number(listen), "/mock"), { status: 402, body: '{"error":"declined"}' });
  await shell.seen("err", /^GET 127\.0\.0\.1\/real → 200 relayed [\d.]+ ms$/m);
  await shell.seen("err", /^GET 127\.0\.0\.1\/mock → 402 mocked by declined [\d.]+ ms$/m);
  assert.equal((await get(Number(admin), "/readyz")).status, 200);
  assert.match(
    (await get(Number(admin), "/metrics")).body,
    /understudy_requests_total\{.*rule="declined".*\} 1/,
  );
  shell.send("SIGINT");
  assert.equal(await running, 0);
  assert.match(shell.err(), /2 calls: 1 mocked, 1 relayed\nrules: declined 1\n$/);
  assert.equal(shell.out(), "");
  assert.equal(shell.listening(), 0);
});

test("proxy: a terminal that is closed ends it as other signals do", async (context) => {
  const shell = fakeShell();
  const running = proxy.run(["--listen", here, "--admin", "off"], shell);
  ended(context, shell, running);
  await shell.seen("out", /"msg":"started"/);
  shell.send("SIGHUP");
  assert.equal(await running, 0);
  assert.match(shell.out(), /finishing open calls/);
});

test("proxy: the admin port answers to the names that were listed, and to no other", async (context) => {
  const shell = fakeShell();
  const running = proxy.run(["--listen", here, "--admin", here, "--admin-hosts", "mock.svc"], shell);
  ended(context, shell, running);
  const [, admin] = await shell.seen("out", /"admin":"http:\/\/127\.0\.0\.1:(\d+)\/"/);
  assert.equal((await get(Number(admin), "/healthz", "mock.svc")).status, 200);
  assert.equal((await get(Number(admin), "/healthz", "evil.example")).status, 421);
});

test("proxy: JSON lines on stdout where nobody sits at a terminal", async (context) => {
  const port = await upstream(context);
  const shell = fakeShell();
  const running = proxy.run(["--listen", here, "--admin", "off", "--to", `127.0.0.1:${port}`], shell);
  ended(context, shell, running);
  const [, listen] = await shell.seen("out", /"proxy":"127\.0\.0\.1:(\d+)"/);
  await get(Number(listen), "/a");
  await shell.seen("out", /"msg":"call"/);
  shell.send("SIGTERM");
  assert.equal(await running, 0);
  const lines = shell
    .out()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ["started", "call", "finishing open calls; once more to end at once"],
  );
  assert.equal(lines[0].admin, null);
  assert.equal(lines[1].path, "/a");
  assert.equal(shell.err(), "");
});

test("proxy: quiet says nothing of traffic, on either stream", async (context) => {
  const rules = await rulesFile(context, mockRule);
  for (const tty of [true, false]) {
    const shell = fakeShell({ tty });
    const running = proxy.run(["--quiet", "--listen", here, "--admin", "off", "--rules", rules], shell);
    ended(context, shell, running);
    while (shell.listening() === 0) await new Promise((resolve) => setImmediate(resolve));
    shell.send("SIGTERM"); // a signal during the start ends it as soon as it has started
    assert.equal(await running, 0);
    assert.equal(shell.out() + shell.err(), "");
  }
});

test("proxy: wrong rules at the start are an error that shows them", async (context) => {
  const rules = await rulesFile(context, "version: 1\nrules:\n  - nam: x\n");
  const shell = fakeShell();
  await assert.rejects(
    proxy.run(["--listen", here, "--admin", "off", "--rules", rules], shell),
    (error: Error) => {
      assert.match(error.message, /rules\.yaml:3: /);
      assert.equal("code" in error && error.code, "bad_rules");
      return true;
    },
  );
  assert.equal(shell.listening(), 0);
});

test("proxy: an address in use, and none at all, are errors that name it", async (context) => {
  const port = await upstream(context);
  const run = (listen: string) => proxy.run(["--listen", listen, "--admin", "off"], fakeShell());
  await assert.rejects(run(`127.0.0.1:${port}`), {
    code: "bad_config",
    message: new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: `),
  });
  await assert.rejects(run("off"), { code: "bad_config", message: /^listen: expected an address/ });
});

test("sidecar: with wrong rules it serves without them, and is not ready", async (context) => {
  const rules = await rulesFile(context, "version: 1\nrules:\n  - nam: x\n");
  const shell = fakeShell();
  const running = sidecar.run(
    ["--outbound", here, "--inbound", here, "--listen", here, "--admin", here, "--rules", rules],
    shell,
  );
  ended(context, shell, running);
  const [, admin] = await shell.seen("out", /"admin":"http:\/\/127\.0\.0\.1:(\d+)\/"/);
  const ready = await get(Number(admin), "/readyz");
  assert.equal(ready.status, 503);
  assert.match(ready.body, /rules\.yaml:3/);
  assert.match(shell.out(), /"msg":"rules rejected"/);
  assert.match(
    shell.out(),
    /"listen":\{"outbound":"127\.0\.0\.1:\d+","inbound":"127\.0\.0\.1:\d+","proxy":"127\.0\.0\.1:\d+"\}/,
  );
});

test("proxy and sidecar: help on stdout", async () => {
  for (const command of [proxy, sidecar]) {
    const shell = fakeShell();
    assert.equal(await command.run(["--json", "--help"], shell), 0);
    assert.equal(shell.out(), command.help);
  }
});
