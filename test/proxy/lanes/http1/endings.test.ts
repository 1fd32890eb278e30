// Connections end as they would without us, whether or not a rule claims or looks at their calls.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

const late: Partial<RuleSpec> = { fault: { ...noFault, delay: { type: "fixed", ms: 1 } } };
const looking: Partial<RuleSpec> = {
  matches: [{ body: { op: "contains", value: "nowhere" } }],
  fault: { ...noFault, abort: { kind: "reset" } },
};
const post = (body: string) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test("endings: the FIN of a client that ends early follows the call that had to wait for its turn", async () => {
  const heard: string[] = [];
  await using upstream = await openServer((socket) => {
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk;
      const ended = new Promise<void>((resolve) => setImmediate(resolve));
      void ended.then(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    });
    socket.on("end", () => {
      heard.push(seen);
      socket.end();
    });
  });
  await using rig = await openRig({ upstream: upstream.address, rules: [looking] });
  const client = await rig.connect();
  client.end(post("one") + post("two"));
  const { bytes, reset } = await drainSocket(client);
  assert.equal(bytes.toString().match(/200 OK/g)?.length, 2);
  assert.equal(reset, false);
  assert.deepEqual(heard, [post("one") + post("two")]);
});

for (const before of ["", post("one")])
  test(`endings: a request that breaks off while a rule looks at it goes on as it came${before && ", behind another"}`, async () => {
    const heard: string[] = [];
    await using upstream = await openServer((socket) => {
      let seen = "";
      const bad = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
      socket.on("data", (chunk) => {
        seen += chunk;
        if (seen === before) setImmediate(() => socket.write(bad));
      });
      socket.on("end", () => {
        heard.push(seen);
        socket.end(bad);
      });
    });
    await using rig = await openRig({ upstream: upstream.address, rules: [looking] });
    const client = await rig.connect();
    const broken = post("whole").slice(0, -3);
    client.end(before + broken);
    const { bytes, reset } = await drainSocket(client);
    assert.equal(bytes.toString().match(/400 Bad/g)?.length, before ? 2 : 1);
    assert.equal(reset, false);
    assert.deepEqual(heard, [before + broken]);
  });

test("endings: an upstream that closes an idle connection while a rule looks at the next request is dialled again", async () => {
  const heard: string[] = [];
  const idle: Socket[] = [];
  await using upstream = await openServer((socket) => {
    socket.once("data", (chunk) => {
      heard.push(chunk.toString());
      idle.push(socket);
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    socket.on("end", () => socket.end());
  });
  await using rig = await openRig({ upstream: upstream.address, rules: [looking] });
  const client = await rig.connect();
  client.write(post("one"));
  await readUntil(client, "ok");
  client.write(post("two").slice(0, -1));
  const closed = new Promise((resolve) => idle[0]?.once("close", resolve));
  idle[0]?.end();
  await closed;
  client.write("o");
  await readUntil(client, "ok");
  assert.deepEqual(heard, [post("one"), post("two")]);
  client.destroy();
});

test("endings: no request that a rule looks at follows a response that says close", async () => {
  const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
  await using upstream = await openServer((socket) => void socket.once("data", () => socket.write(last)));
  await using rig = await openRig({ upstream: upstream.address, rules: [looking] });
  const client = await rig.connect();
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${post("two").slice(0, -1)}`);
  assert.deepEqual(await drainSocket(client), { bytes: Buffer.from(last), reset: false });
  client.end("o");
  const told = await rig.event((event) => event.kind === "call" && event.method === "POST");
  assert.partialDeepStrictEqual(told, { outcome: "failed", flags: ["UC"] });
});

test("endings: a request that a rule looks at fails with the call before it, and is told of", async () => {
  await using upstream = await openServer((socket) => void socket.once("data", () => socket.end()));
  await using rig = await openRig({ upstream: upstream.address, rules: [looking] });
  const client = await rig.connect();
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${post("two").slice(0, -1)}`);
  assert.deepEqual(await drainSocket(client), { bytes: Buffer.alloc(0), reset: false });
  client.destroy();
  for (const method of ["GET", "POST"])
    assert.partialDeepStrictEqual(
      await rig.event((event) => event.kind === "call" && event.method === method),
      { outcome: "failed", flags: ["UC"] },
    );
});

const begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
const ends: readonly (readonly [
  how: string,
  leave: (socket: Socket) => void,
  said: string,
  reset: boolean,
])[] = [
  ["a FIN instead of a response", (socket) => socket.end(), "", false],
  ["a reset instead of a response", (socket) => socket.resetAndDestroy(), "", true],
  ["a FIN within a response", (socket) => socket.end(begun), "half", false],
  [
    "a reset within a response",
    (socket) => socket.write(begun, () => setImmediate(() => socket.resetAndDestroy())),
    "half",
    true,
  ],
];

for (const [how, leave, said, reset] of ends)
  for (const [which, rules] of [
    ["that nobody claims", []],
    ["that a rule claims", [late]],
  ] as const)
    test(`endings: ${how} to a call ${which} reaches the client`, async () => {
      await using upstream = await openServer((socket) => void socket.once("data", () => leave(socket)));
      await using rig = await openRig({ upstream: upstream.address, rules });
      const client = await rig.connect();
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      const heard = await drainSocket(client);
      assert.equal(heard.reset, reset);
      assert.equal(heard.bytes.toString().endsWith(said), true);
      assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
        outcome: "failed",
        flags: rules.length > 0 ? ["DI", "UC"] : ["UC"],
      });
      client.destroy();
    });

test("endings: a response that breaks the protocol is a 502 to a claimed call, too", async () => {
  await using upstream = await openServer(
    (socket) => void socket.once("data", () => socket.end("no HTTP\r\n\r\n")),
  );
  await using rig = await openRig({ upstream: upstream.address, rules: [late] });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const { bytes, reset } = await drainSocket(client);
  assert.match(bytes.toString(), /^HTTP\/1\.1 502 [\s\S]*understudy: the upstream broke the protocol/);
  assert.equal(reset, false);
  client.end();
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
    outcome: "failed",
    status: 502,
    flags: ["DI", "UPE"],
  });
});

for (const method of ["GET", "HEAD"])
  test(`endings: a mock that says close ends the connection behind its reply to ${method}`, async () => {
    const respond = replyWith("bye", { headers: [["Connection", "close"]] });
    await using rig = await openRig({ rules: [{ respond }] });
    const client = await rig.connect();
    client.write(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2));
    const { bytes, reset } = await drainSocket(client);
    assert.equal(bytes.toString().match(/200 OK/g)?.length, 1);
    assert.equal(reset, false);
    client.end();
  });

for (const [state, rule] of [
  ["while it waits for the response", late],
  ["before the call has gone on", { fault: { ...noFault, delay: { type: "fixed", ms: 60 } } }],
] as const)
  for (const request of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", post("one")])
    test(`endings: a client of a claimed ${request.slice(0, 4)} that ends ${state} is heard upstream`, async () => {
      const heard = Promise.withResolvers<string>();
      await using upstream = await openServer((socket) => {
        let seen = "";
        socket.on("data", (chunk) => {
          seen += chunk;
          if (rule === late && seen === request) client.end();
        });
        // As servers do that give a call up when its client has left.
        socket.on("end", () => {
          heard.resolve(seen);
          socket.end();
        });
      });
      await using rig = await openRig({ upstream: upstream.address, rules: [rule] });
      const client = await rig.connect();
      client.write(request);
      if (rule !== late) client.end();
      assert.equal(await heard.promise, request);
      const { bytes, reset } = await drainSocket(client);
      assert.deepEqual([bytes.length, reset], [0, false]);
    });

test("endings: a client that leaves a silent stream under a rule is heard upstream", async () => {
  const heard = Promise.withResolvers<void>();
  await using upstream = await openServer((socket) => {
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"),
    );
    socket.on("end", () => {
      heard.resolve();
      socket.end();
    });
  });
  await using rig = await openRig({ upstream: upstream.address, rules: [late] });
  const client = await rig.connect();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(client, "data: 1");
  client.end();
  await heard.promise;
});
