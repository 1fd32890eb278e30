// The admin port over real sockets: every path, every refusal.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { type AdminOptions, startAdmin } from "../../../src/control/admin/server.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { UnderstudyError } from "../../../src/core/errors.ts";
import { quietAdmin } from "../../support/admin-sources.ts";

async function admin(context: TestContext, change: Partial<AdminOptions> = {}) {
  const started = await startAdmin(
    {
      listen: { host: "127.0.0.1", port: 0 },
      metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
      journal: (filter) => [filter],
      rules: () => ({ revision: "r1", count: 2, problems: ["rules.yaml:1: broken"] }),
      ready: () => ({ ready: true, reasons: [] }),
      ...quietAdmin,
      clock: systemClock,
      ...change,
    },
    new AbortController().signal,
  );
  context.after(() => started.close());
  return started;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

async function ask(port: number, path: string, options: http.RequestOptions = {}): Promise<Answer> {
  const request = http.request({ host: "127.0.0.1", port, path, agent: false, ...options }).end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

test("admin: health, readiness, metrics, journal and rules", async (context) => {
  const { address } = await admin(context);
  const { port } = address;
  assert.deepEqual(JSON.parse((await ask(port, "/healthz")).body), { healthy: true });
  assert.equal((await ask(port, "/readyz")).status, 200);
  const metrics = await ask(port, "/metrics");
  assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4");
  assert.equal(metrics.body, "up 1\n");
  const journal = await ask(port, "/journal?limit=5&rule=a&host=b&outcome=mocked&since=3");
  assert.deepEqual(JSON.parse(journal.body), {
    calls: [{ limit: 5, rule: "a", host: "b", outcome: "mocked", since: 3 }],
  });
  assert.deepEqual(JSON.parse((await ask(port, "/rules")).body), {
    revision: "r1",
    count: 2,
    problems: ["rules.yaml:1: broken"],
  });
});

test("admin: not ready is 503 and says why", async (context) => {
  const { address } = await admin(context, { ready: () => ({ ready: false, reasons: ["draining"] }) });
  const answer = await ask(address.port, "/readyz");
  assert.equal(answer.status, 503);
  assert.deepEqual(JSON.parse(answer.body), { ready: false, reasons: ["draining"] });
});

test("admin: the index is HTML for browsers and JSON for programs", async (context) => {
  const { address } = await admin(context);
  const page = await ask(address.port, "/", { headers: { accept: "text/html,*/*" } });
  assert.match(page.headers["content-type"] ?? "", /^text\/html/);
  assert.match(page.body, /<a href="\/metrics">/);
  assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);
  assert.ok("/journal" in JSON.parse((await ask(address.port, "/")).body).paths);
});

test("admin: wrong filters are refused by name", async (context) => {
  const { address } = await admin(context);
  const table = [
    ["/journal?limit=many", 'limit: expected a whole number, got "many"'],
    ["/journal?limit=10001", "limit: expected at most 10000, got 10001"],
    ["/journal?outcome=bad", 'outcome: expected one of relayed, mocked, aborted, refused, failed, got "bad"'],
    ["/journal?hots=a", "hots: expected one of limit, rule, host, outcome, since"],
  ] as const;
  for (const [path, error] of table) {
    const answer = await ask(address.port, path);
    assert.equal(answer.status, 400);
    assert.deepEqual(JSON.parse(answer.body), { error });
  }
});

test("admin: unknown paths list the known ones; other methods are not allowed", async (context) => {
  const { address } = await admin(context);
  const unknown = await ask(address.port, "/metric");
  assert.equal(unknown.status, 404);
  assert.ok(JSON.parse(unknown.body).paths.includes("/metrics"));
  const post = await ask(address.port, "/rules", { method: "POST", headers: { "content-length": "0" } });
  assert.equal(post.status, 405);
  assert.equal(post.headers.allow, "GET, HEAD");
});

test("admin: HEAD has the head of GET and no body", async (context) => {
  const { address } = await admin(context);
  const answer = await ask(address.port, "/metrics", { method: "HEAD" });
  assert.equal(answer.headers["content-length"], "5");
  assert.equal(answer.body, "");
});

test("admin: a name that a web page could have rebound is refused", async (context) => {
  const { address } = await admin(context, { hosts: ["Shop.svc"] });
  const table: readonly [host: string, status: number][] = [
    ["evil.example", 421],
    ["127.0.0.1.evil.example:80", 421],
    ["not a host", 421],
    ["localhost:1", 200],
    ["LOCALHOST", 200],
    ["a.localhost", 200],
    ["[::1]:9", 200],
    ["10.1.2.3:15090", 200],
    ["shop.svc:15090", 200],
  ];
  for (const [host, status] of table) {
    assert.equal((await ask(address.port, "/healthz", { headers: { host } })).status, status, host);
  }
});

test("admin: a source that throws is a 500, and the server lives on", async (context) => {
  const { address } = await admin(context, {
    metrics: async () => {
      throw new Error("no registry");
    },
    rules: () => {
      throw "odd";
    },
  });
  const answer = await ask(address.port, "/metrics");
  assert.equal(answer.status, 500);
  assert.deepEqual(JSON.parse(answer.body), { error: "no registry" });
  assert.equal((await ask(address.port, "/rules")).status, 500);
  assert.equal((await ask(address.port, "/healthz")).status, 200);
});

test("admin: garbage is answered 400 and harms nobody", async (context) => {
  const { address } = await admin(context);
  const socket = net.connect(address.port, "127.0.0.1");
  socket.end("GARBAGE\r\n\r\n");
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.match(first.toString(), /^HTTP\/1\.1 400 /);
  assert.equal((await ask(address.port, "/healthz")).status, 200);
});

test("admin: an address in use is an error that names it", async (context) => {
  const { address } = await admin(context);
  await assert.rejects(admin(context, { listen: address }), (error) => {
    assert.ok(error instanceof UnderstudyError);
    assert.equal(error.code, "bad_config");
    assert.match(
      error.message,
      new RegExp(`^admin: cannot listen on 127\\.0\\.0\\.1:${address.port}: another process listens there`),
    );
    return true;
  });
});

test("admin: ends with its signal, also where somebody keeps a connection open", async () => {
  const controller = new AbortController();
  const options: AdminOptions = {
    listen: { host: "127.0.0.1", port: 0 },
    metrics: async () => ({ contentType: "", text: "" }),
    journal: () => [],
    rules: () => ({ revision: null, count: 0, problems: [] }),
    ready: () => ({ ready: true, reasons: [] }),
    ...quietAdmin,
    clock: systemClock,
  };
  const started = await startAdmin(options, controller.signal);
  const socket = net.connect(started.address.port, "127.0.0.1");
  await once(socket, "connect");
  socket.resume();
  controller.abort();
  await Promise.all([once(socket, "close"), started.close()]);
  const dead = AbortSignal.abort();
  await (await startAdmin(options, dead)).close();
});

test("admin: who asks and does not read loses the connection", { timeout: 20_000 }, async (context) => {
  const text = "x".repeat(32 * 1_048_576); // more than the kernel's buffers hold
  const { address } = await admin(context, {
    stallMs: 100,
    metrics: async () => ({ contentType: "text/plain", text }),
  });
  const lazy = http.get({ host: "127.0.0.1", port: address.port, path: "/metrics", agent: false });
  context.after(() => lazy.destroy());
  lazy.on("error", () => undefined);
  await once(lazy, "response");
  // A client that reads nothing does not see the end either: the server's socket is what goes.
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
  const both = sockets();
  assert.ok(both >= 2);
  while (sockets() >= both) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await ask(address.port, "/healthz")).status, 200);
});
