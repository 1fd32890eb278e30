// Where a claimed call meets what HTTP/1 ends, switches or announces: responses that close the connection, upgrades that a rule
// undoes, upstreams that break off, interim responses, trailers, HEAD, HTTP/1.0.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { drainSocket, openRig, openServer, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

const get = (path: string, fields = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;
const merge = { kind: "merge", value: { b: 2 } } as const;
const unchanged = { setHeaders: [], removeHeaders: [], json: null, body: null };
const patchedJson: Partial<RuleSpec> = {
  patch: { request: { ...unchanged, json: merge }, response: { ...unchanged, json: merge, status: null } },
};
const mock: Partial<RuleSpec> = {
  matches: [{ path: { op: "exact", value: "/mock" } }],
  respond: replyWith("MOCK"),
};

/** Does `answer` once for each connection, at its first bytes. */
const answering = (answer: (socket: Socket) => void) =>
  openServer((socket) => {
    socket.once("data", () => answer(socket));
    socket.on("end", () => socket.end());
  });

for (const [behind, wire] of [
  ["a mock", get("/mock")],
  ["a refusal", "not http\r\n\r\n"],
] as const)
  for (const [how, head] of [
    ["ends with the connection", "HTTP/1.1 200 OK\r\n\r\n"],
    ["says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"],
  ] as const)
    test(`rich seams: ${behind} does not follow a response that ${how}`, async () => {
      await using upstream = await answering((socket) => socket.end(`${head}all`));
      await using rig = await openRig({ upstream: upstream.address, rules: [mock] });
      const client = await rig.connect();
      client.write(get("/") + wire);
      const { bytes, reset } = await drainSocket(client);
      assert.equal(bytes.toString(), `${head}all`);
      assert.equal(reset, false);
      client.destroy();
      if (behind !== "a mock") return;
      const told = await rig.event((event) => event.kind === "call" && event.path === "/mock");
      assert.partialDeepStrictEqual(told, { outcome: "failed", status: 0, flags: ["UC"] });
    });

test("rich seams: an upgrade that a rule undoes ends the upstream's connection, and ours goes on", async () => {
  const ended: Promise<void>[] = [];
  await using upstream = await answering((socket) => {
    ended.push(new Promise((resolve) => void socket.once("close", () => resolve())));
    socket.resume();
    if (ended.length > 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
    else socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  });
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      {
        matches: [{ path: { op: "exact", value: "/up" } }],
        patch: { request: null, response: { ...unchanged, status: 200 } },
      },
    ],
  });
  const client = await rig.connect();
  client.write(get("/up", "Connection: upgrade\r\nUpgrade: x\r\n"));
  await readUntil(client, "\r\n\r\n");
  await ended[0];
  client.write(get("/next"));
  await readUntil(client, /next$/);
  client.destroy();
});

const torn = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 70\r\n\r\n{";

test("rich seams: a response that breaks off before a patch could write it is a failure without a status", async () => {
  await using upstream = await answering((socket) => socket.end(torn));
  await using apparent = await openRig({
    upstream: upstream.address,
    mode: "fixed",
    rules: [patchedJson],
  });
  const first = await apparent.connect();
  first.write(get("/"));
  assert.match((await drainSocket(first)).bytes.toString(), /^HTTP\/1\.1 502 .*Connection: close/s);
  first.destroy();
  await using unseen = await openRig({ upstream: upstream.address, rules: [patchedJson] });
  const second = await unseen.connect();
  second.write(get("/"));
  const { bytes, reset } = await drainSocket(second);
  assert.deepEqual([bytes.length, reset], [0, true]);
  const told = await unseen.event((event) => event.kind === "call");
  assert.partialDeepStrictEqual(told, { outcome: "failed", status: 0, flags: ["UC"] });
});

test("rich seams: a cut to an HTTP/1.0 client is a reset, since a FIN would be the end of the body", async () => {
  await using upstream = await answering((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
    socket.end();
  });
  const late = { ...noFault, delay: { type: "fixed", ms: 1 } as const };
  await using rig = await openRig({ upstream: upstream.address, rules: [{ fault: late }] });
  const client = await rig.connect();
  client.write("GET / HTTP/1.0\r\n\r\n");
  assert.equal((await drainSocket(client)).reset, true);
});

test("rich seams: a request that breaks off before a mock has read it is the client's failure", async () => {
  const echo = replyWith("{{request.body}}", { template: true });
  await using rig = await openRig({ rules: [{ respond: echo }] });
  const client = await rig.connect();
  client.end("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  await drainSocket(client);
  const told = await rig.event((event) => event.kind === "call");
  assert.partialDeepStrictEqual(told, { outcome: "failed", flags: ["DC"] });
});

test("rich seams: the bytes of a claimed reply are counted as they went to the client", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  await using upstream = await answering((socket) => socket.write(`${head}7\r\n{"a":1}\r\n0\r\n\r\n`));
  await using rig = await openRig({ upstream: upstream.address, rules: [patchedJson] });
  const client = await rig.connect();
  client.write(get("/", "Connection: close\r\n"));
  const { bytes } = await drainSocket(client);
  const told = await rig.event((event) => event.kind === "call");
  assert.partialDeepStrictEqual(told, { responseBytes: bytes.length, status: 200 });
});

test("rich seams: trailers pass patches both ways, and early hints come first, but not to HTTP/1.0 or before nothing", async () => {
  let asked = "";
  await using upstream = await openServer((socket) => {
    socket.on("data", (chunk) => {
      asked += chunk;
      if (!asked.endsWith("X-Q: up\r\n\r\n") && !asked.startsWith("GET")) return;
      socket.write(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
      );
      socket.write('Transfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\nX-T: down\r\n\r\n');
    });
  });
  await using rig = await openRig({ upstream: upstream.address, rules: [patchedJson] });
  const client = await rig.connect();
  client.write(
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\nX-Q: up\r\n\r\n',
  );
  const got = await readUntil(client, "X-T: down\r\n\r\n");
  assert.match(got, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.match(got, /d\r\n\{"a":1,"b":2\}\r\n0\r\nX-T: down\r\n\r\n$/);
  assert.match(asked, /d\r\n\{"a":1,"b":2\}\r\n0\r\nX-Q: up\r\n\r\n$/);
  client.destroy();
  asked = "";
  const old = await rig.connect();
  old.write("GET / HTTP/1.0\r\n\r\n");
  assert.match(
    (await drainSocket(old)).bytes.toString(),
    /^HTTP\/1\.1 200 OK\r\n(?!.*103).*\{"a":1,"b":2\}$/s,
  );
});

test("rich seams: a CONNECT that a rule claims names its target, and becomes a tunnel", async () => {
  const heard: string[] = [];
  await using upstream = await openServer((socket) => {
    socket.once("data", (chunk) => {
      heard.push(chunk.toString());
      socket.write(`HTTP/1.1 ${heard.length > 1 ? "403 No" : "200 OK"}\r\nContent-Length: 0\r\n\r\n`);
      socket.on("data", (bytes) => socket.write(`echo ${bytes}`));
    });
  });
  await using rig = await openRig({
    upstream: upstream.address,
    rules: [
      {
        matches: [{ method: { op: "exact", value: "CONNECT" } }],
        patch: { request: { ...unchanged, setHeaders: [["x-seen", "1"]] }, response: null },
      },
    ],
  });
  const connect = "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n";
  const client = await rig.connect();
  client.write(`${connect}\r\n`);
  assert.equal(await readUntil(client, "\r\n\r\n"), "HTTP/1.1 200 OK\r\n\r\n");
  client.write("\u0016\u0003\u0001");
  assert.equal(await readUntil(client, "echo \u0016\u0003\u0001"), "echo \u0016\u0003\u0001");
  client.destroy();
  const refused = await rig.connect();
  refused.write(`${connect}\r\n`);
  assert.match(await readUntil(refused, "\r\n\r\n"), /^HTTP\/1\.1 403 No\r\nContent-Length: 0\r\n\r\n$/);
  refused.destroy();
  assert.deepEqual(heard, [`${connect}x-seen: 1\r\n\r\n`, `${connect}x-seen: 1\r\n\r\n`]);
});
