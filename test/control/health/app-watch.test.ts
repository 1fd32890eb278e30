// The health of the service, asked over real sockets in each of the three ways.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { AppWatch } from "../../../src/control/health/app-watch.ts";
import { probeApp } from "../../../src/control/health/probe-app.ts";
import { parseHealthProbe } from "../../../src/core/app-health.ts";
import { systemClock } from "../../../src/core/clock.ts";

async function listen(t: TestContext, server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const ask = (url: string, ms = 2_000) =>
  probeApp(parseHealthProbe(url) ?? assert.fail(url), AbortSignal.timeout(ms));

test("app health: http is well from 200 to 399", async (t) => {
  const server = http.createServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end("x".repeat(100_000));
  });
  const port = await listen(t, server);
  for (const [status, reason] of [
    [200, null],
    [302, null],
    [404, "status 404"],
    [503, "status 503"],
  ] as const)
    assert.equal(await ask(`http://127.0.0.1:${port}/${status}`), reason);
});

test("app health: tcp is well where a connection is accepted; silence and refusal are not", async (t) => {
  const port = await listen(
    t,
    net.createServer((socket) => socket.on("error", () => undefined)),
  );
  assert.equal(await ask(`tcp://127.0.0.1:${port}`), null);
  assert.equal(await ask(`http://127.0.0.1:${port}/`, 50), "no answer in time");
  assert.equal(await ask(`grpc://127.0.0.1:${port}`, 50), "no answer in time");
  const gone = net.createServer();
  const free = await listen(t, gone);
  await new Promise((resolve) => gone.close(resolve));
  for (const kind of ["tcp", "http", "grpc"])
    assert.match((await ask(`${kind}://127.0.0.1:${free}`)) ?? "", /ECONNREFUSED/, kind);
});

test("app health: grpc asks for the service and takes SERVING alone", async (t) => {
  const asked: string[] = [];
  const server = http2.createServer();
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      const service = Buffer.concat(parts).subarray(7).toString();
      asked.push(`${headers[":path"]} ${service}`);
      const unknown = service === "unknown";
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": unknown ? "5" : "0" }));
      stream.end(unknown ? "" : Buffer.of(0, 0, 0, 0, 2, 0x08, service === "ill" ? 2 : 1));
    });
  });
  const port = await listen(t, server);
  assert.equal(await ask(`grpc://127.0.0.1:${port}`), null);
  assert.equal(await ask(`grpc://127.0.0.1:${port}/shop.v1.Cart`), null);
  assert.equal(await ask(`grpc://127.0.0.1:${port}/ill`), "not serving");
  assert.equal(await ask(`grpc://127.0.0.1:${port}/unknown`), "grpc-status 5");
  assert.equal(asked[1], "/grpc.health.v1.Health/Check shop.v1.Cart");
});

test("app health: a failure is believed when it comes twice, a success at once", async (t) => {
  const answers = [503, 200, 503, 503, 200];
  let asked = 0;
  const server = http.createServer((_request, response) => response.writeHead(answers[asked++] ?? 200).end());
  const port = await listen(t, server);
  const stop = new AbortController();
  const heard: string[] = [];
  const all = Promise.withResolvers<void>();
  const watch = new AppWatch(
    {
      probe: parseHealthProbe(`http://127.0.0.1:${port}`) ?? assert.fail(),
      intervalMs: 1,
      deadlineMs: 2_000,
    },
    systemClock,
    () => {
      heard.push(`${watch.health} ${watch.reason} after ${asked}`);
      if (heard.length === 3) all.resolve();
    },
  );
  assert.equal(watch.health, "unknown");
  const kept = watch.keep(stop.signal);
  await all.promise;
  stop.abort();
  await kept;
  assert.deepEqual(heard, ["passing  after 2", "failing status 503 after 4", "passing  after 5"]);
});

test("app health: what is no such URL is refused", () => {
  for (const text of [
    "",
    "http://",
    "https://a",
    "grpc://a",
    "tcp://a",
    "tcp://a:1/x",
    "grpc://a:1/x y",
    "ftp://a:1",
    "http://u@a",
  ])
    assert.equal(parseHealthProbe(text), undefined, text);
  assert.deepEqual(parseHealthProbe("http://a?x"), {
    kind: "http",
    to: { host: "a", port: 80 },
    path: "/?x",
  });
});
