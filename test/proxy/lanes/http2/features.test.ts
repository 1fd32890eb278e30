// Every rule feature over HTTP/2, as a real client sees it, with relayed streams beside.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { openRig, type Rig } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  /** Of RST_STREAM; 0 where the stream ended as it should. */
  readonly code: number;
}

/** Answers with what it was asked. */
async function echoServer(): Promise<AsyncDisposable & { readonly host: string; readonly port: number }> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const parts: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      const body = Buffer.concat(parts);
      stream.respond(
        { ":status": 200, "content-type": "application/json", "x-server": "echo" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-bytes": String(body.length) }));
      stream.end(JSON.stringify({ headers, body: body.toString("latin1").slice(0, 200) }));
    });
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

function ask(
  client: ClientHttp2Session,
  path: string,
  body?: Buffer | string,
  headers = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const method = body === undefined ? "GET" : "POST";
    const stream = client.request({ ":method": method, ":path": path, ...headers });
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    let text = "";
    stream.on("response", (given) => {
      head = given;
    });
    stream.on("trailers", (given) => {
      trailers = given;
    });
    stream.on("data", (part: Buffer) => {
      text += part.toString("latin1");
    });
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        status: Number(head[":status"] ?? 0),
        headers: head,
        body: text,
        trailers,
        code: stream.rstCode,
      }),
    );
    stream.end(body);
  });
}

async function withRules(
  rules: readonly Partial<RuleSpec>[],
  work: (client: ClientHttp2Session, rig: Rig) => Promise<void>,
): Promise<void> {
  await using upstream = await echoServer();
  await using rig = await openRig({ upstream, rules });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  client.on("error", () => undefined);
  try {
    await work(client, rig);
  } finally {
    client.destroy();
  }
}

const on = (path: string) => [{ path: { op: "exact", value: path } as const }];
const message = { setHeaders: [], removeHeaders: [], json: null, body: null };

test("features: a fixed mock, with its length and date, and one to HEAD without a body", () =>
  withRules([{ name: "m", matches: on("/m"), respond: replyWith("hi") }], async (client, rig) => {
    const answer = await ask(client, "/m");
    assert.equal(answer.status, 200);
    assert.equal(answer.body, "hi");
    assert.equal(answer.headers["content-length"], "2");
    assert.ok(answer.headers.date);
    assert.equal((await ask(client, "/m", undefined, { ":method": "HEAD" })).body, "");
    const event = await rig.event((found) => found.kind === "call");
    assert.partialDeepStrictEqual(event, { protocol: "http/2", rule: "m", outcome: "mocked", status: 200 });
  }));

test("features: a mocked upload is read to its end, beyond every window", () =>
  withRules([{ name: "m", matches: on("/m"), respond: replyWith("done") }], async (client) => {
    for (let i = 0; i < 3; i++) assert.equal((await ask(client, "/m", Buffer.alloc(300_000))).body, "done");
    assert.equal((await ask(client, "/relayed", Buffer.alloc(300_000))).trailers["x-bytes"], "300000");
  }));

test("features: a mock larger than the windows, with trailers", () => {
  const text = "x".repeat(500_000);
  return withRules(
    [{ name: "m", matches: on("/m"), respond: replyWith(text, { trailers: [["x-t", "1"]] }) }],
    async (client) => {
      const [mock, relayed] = await Promise.all([ask(client, "/m"), ask(client, "/r")]);
      assert.equal(mock.body, text);
      assert.equal(mock.trailers["x-t"], "1");
      assert.equal(relayed.status, 200);
    },
  );
});

test("features: a template sees the request", () => {
  const reply = replyWith("{{request.method}} {{request.headers.x-who}} {{request.body}}", {
    template: true,
  });
  return withRules([{ name: "t", respond: reply }], async (client) => {
    assert.equal((await ask(client, "/t", "payload", { "x-who": "tom" })).body, "POST tom payload");
  });
});

test("features: a delayed relay neither holds up others nor breaks the order of stream ids", () =>
  withRules(
    [{ name: "d", matches: on("/d"), fault: { ...noFault, delay: { type: "fixed", ms: 40 } } }],
    async (client, rig) => {
      const order: string[] = [];
      const note = (name: string) => (answer: Answer) => {
        order.push(name);
        return answer;
      };
      const [delayed] = await Promise.all([
        ask(client, "/d", Buffer.alloc(200_000)).then(note("delayed")),
        ask(client, "/r").then(note("relayed")),
      ]);
      assert.deepEqual(order, ["relayed", "delayed"]);
      assert.equal(delayed.status, 200);
      assert.equal(delayed.trailers["x-bytes"], "200000");
      const event = await rig.event((found) => found.kind === "call" && found.rule === "d");
      assert.partialDeepStrictEqual(event, { flags: ["DI"], outcome: "relayed", status: 200 });
    },
  ));

test("features: aborts end the stream alone", () =>
  withRules(
    [
      { name: "rst", matches: on("/rst"), fault: { ...noFault, abort: { kind: "reset" } } },
      { name: "fin", matches: on("/fin"), fault: { ...noFault, abort: { kind: "close" } } },
      { name: "503", matches: on("/503"), fault: { ...noFault, abort: { kind: "httpStatus", status: 503 } } },
      { name: "cut", matches: on("/cut"), fault: { ...noFault, truncate: { afterBytes: 7 } } },
    ],
    async (client) => {
      const relayed = ask(client, "/r");
      assert.equal((await ask(client, "/rst")).code, 2); // INTERNAL_ERROR
      assert.equal((await ask(client, "/fin")).code, 8); // CANCEL
      assert.equal((await ask(client, "/503")).status, 503);
      const cut = await ask(client, "/cut");
      assert.equal(cut.code, 2);
      assert.equal(cut.body.length, 7);
      assert.equal((await relayed).status, 200);
      assert.equal((await ask(client, "/r")).status, 200);
    },
  ));

test("features: a hanging abort stays silent until the client gives up", () =>
  withRules(
    [{ name: "hang", matches: on("/h"), fault: { ...noFault, abort: { kind: "hang" } } }],
    async (client, rig) => {
      const stream = client.request({ ":path": "/h" });
      stream.on("error", () => undefined);
      assert.equal((await ask(client, "/r")).status, 200);
      stream.close(8);
      const event = await rig.event((found) => found.kind === "call" && found.rule === "hang");
      assert.partialDeepStrictEqual(event, { outcome: "failed", flags: ["FI", "DC"] });
    },
  ));

test("features: throttle and slice keep every byte", () =>
  withRules(
    [
      {
        name: "slow",
        fault: {
          ...noFault,
          throttle: { upBytesPerSecond: 3_000_000, downBytesPerSecond: 3_000_000 },
          slice: { bytes: 50, delayMs: 1 },
        },
      },
    ],
    async (client) => {
      const answer = await ask(client, "/x", Buffer.alloc(100_000, 0x61));
      assert.equal(answer.trailers["x-bytes"], "100000");
      assert.match(JSON.parse(answer.body).body, /^a{200}$/);
    },
  ));

test("features: patch changes the request and the response of a relayed call", () =>
  withRules(
    [
      {
        name: "p",
        patch: {
          request: { ...message, setHeaders: [["X-New", "1"]] },
          response: {
            ...message,
            setHeaders: [["X-Out", "2"]],
            json: { kind: "merge", value: { added: true } },
            status: 201,
          },
        },
      },
    ],
    async (client) => {
      const answer = await ask(client, "/p", "ok");
      assert.equal(answer.status, 201);
      assert.equal(answer.headers["x-out"], "2");
      const body = JSON.parse(answer.body);
      assert.equal(body.added, true);
      assert.equal(body.headers["x-new"], "1");
      assert.equal(body.body, "ok");
    },
  ));

test("features: a body rule decides with the body, and relays it whole where nobody claims it", () =>
  withRules(
    [{ name: "b", matches: [{ body: { op: "contains", value: "magic" } }], respond: replyWith("MATCHED") }],
    async (client) => {
      assert.equal((await ask(client, "/a", "some magic")).body, "MATCHED");
      assert.equal(JSON.parse((await ask(client, "/a", "plain")).body).body, "plain");
      assert.equal((await ask(client, "/a", Buffer.alloc(200_000))).trailers["x-bytes"], "200000");
      assert.equal((await ask(client, "/a")).status, 200);
    },
  ));

test("features: state moves on from call to call, and cookie crumbs are one cookie", () => {
  const state = { name: "s", key: { from: "cookie", name: "user" } as const };
  return withRules(
    [
      {
        name: "first",
        state: { ...state, is: null, becomes: "seen" },
        respond: replyWith("first"),
        priority: 2,
      },
      {
        name: "again",
        state: { ...state, is: "seen", becomes: null },
        respond: replyWith("again"),
        priority: 1,
      },
    ],
    async (client) => {
      const cookie = ["a=b", "user=tom"];
      assert.equal((await ask(client, "/", undefined, { cookie })).body, "first");
      assert.equal((await ask(client, "/", undefined, { cookie })).body, "again");
      assert.equal((await ask(client, "/", undefined, { cookie: "user=ann" })).body, "first");
    },
  );
});

test("features: a percentage of 0 disturbs nothing, half is about half", () =>
  withRules(
    [
      { name: "none", matches: on("/0"), scope: scopeOf(0), respond: replyWith("no") },
      { name: "half", matches: on("/50"), scope: scopeOf(50), respond: replyWith("yes") },
    ],
    async (client) => {
      assert.equal((await ask(client, "/0")).headers["x-server"], "echo");
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask(client, "/50")));
      const mocked = answers.filter(({ body }) => body === "yes").length;
      assert.ok(mocked > 25 && mocked < 75, String(mocked));
    },
  ));

test("features: without rules an HTTP/2 connection is not parsed", async () => {
  await using upstream = await echoServer();
  await using rig = await openRig({ upstream });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  assert.equal((await ask(client, "/")).status, 200);
  client.close();
  await once(client, "close");
  assert.partialDeepStrictEqual(await rig.event((found) => found.kind === "opaque"), { protocol: "http/2" });
});

test("features: rules that come later reach a client whose connection was not parsed, and break no open stream", async () => {
  await using upstream = await echoServer();
  await using rig = await openRig({ upstream });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  assert.equal((await ask(client, "/")).status, 200);
  const open = client.request({ ":path": "/echo", ":method": "POST" });
  open.write("before ");
  rig.setRules([{ name: "m", matches: on("/m"), respond: replyWith("hi") }]);
  const [code] = await once(client, "goaway");
  assert.equal(code, 0);
  open.end("after");
  let echoed = "";
  for await (const chunk of open) echoed += chunk;
  assert.equal(JSON.parse(echoed).body, "before after");
  const next = connect(`http://127.0.0.1:${rig.address.port}`);
  assert.equal((await ask(next, "/m")).body, "hi");
  next.destroy();
  client.destroy();
});

test("features: rules for another destination leave a connection unparsed", async () => {
  await using upstream = await echoServer();
  const elsewhere = [{ destination: { hostname: null, cidr: "192.0.2.0/24", port: null } }];
  await using rig = await openRig({
    upstream,
    rules: [{ name: "m", matches: elsewhere, respond: replyWith("hi") }],
  });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  assert.equal((await ask(client, "/m")).status, 200);
  client.close();
  await once(client, "close");
  assert.partialDeepStrictEqual(await rig.event((found) => found.kind === "opaque"), { protocol: "http/2" });
});

test("features: a host that is to be opaque is claimed by no rule", async () => {
  await using upstream = await echoServer();
  await using rig = await openRig({
    upstream,
    rules: [{ name: "m", matches: on("/m"), respond: replyWith("hi") }],
    opaqueHosts: ["pinned.test"],
  });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  assert.notEqual((await ask(client, "/m", undefined, { ":authority": "pinned.test" })).body, "hi");
  assert.equal((await ask(client, "/m")).body, "hi");
  client.destroy();
});

test("features: mocks are served without an upstream, and relayed calls fail alone", async () => {
  await using rig = await openRig({
    upstream: { host: "127.0.0.1", port: 1 },
    mode: "fixed",
    rules: [{ name: "m", matches: on("/m"), respond: replyWith("hi") }],
  });
  const client = connect(`http://127.0.0.1:${rig.address.port}`);
  assert.equal((await ask(client, "/m")).body, "hi");
  assert.equal((await ask(client, "/r")).status, 502);
  assert.equal((await ask(client, "/m")).body, "hi");
  assert.equal((await ask(client, "/r")).status, 502);
  client.destroy();
});

function scopeOf(percentage: number): RuleSpec["scope"] {
  return {
    percentage,
    decideBy: { by: "request" },
    expiresAtMs: null,
    ttlMs: null,
    headers: [],
    baggage: [],
    maxActive: null,
  };
}
