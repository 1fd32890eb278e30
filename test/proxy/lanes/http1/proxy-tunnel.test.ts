// Programs that heed HTTPS_PROXY: the proxy that they ask for a tunnel is the upstream, and rules see what the tunnel carries.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, createSecureServer } from "node:http2";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { openForwardProxy, tunnelThrough } from "../../../support/forward-proxy.ts";
import { openSecureOrigin, testAuthority } from "../../../support/https.ts";
import { connectTo, drainSocket, openRig, openServer, type Rig, readUntil } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";

const host = { op: "exact", value: "pay.test" } as const;
const mock: Partial<RuleSpec> = {
  name: "mock",
  matches: [{ host, path: { op: "exact", value: "/m" } }],
  respond: replyWith("mocked"),
};
const slow: Partial<RuleSpec> = {
  name: "slow",
  matches: [{ host, path: { op: "exact", value: "/slow" } }],
  fault: { ...noFault, delay: { type: "fixed", ms: 1 } },
};
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: pay.test\r\n\r\n`;
const [ours, theirs] = [await testAuthority("ours"), await testAuthority("theirs")];
const tls = { authority: ours, extraRoots: [theirs.trust] };

/** HTTPS on a tunnel; `ca`: whom the client trusts. */
async function secure(tunnel: Socket, ca: string, servername = "pay.test") {
  const socket = connectTls({ socket: tunnel, servername, ca });
  await once(socket, "secureConnect");
  return socket;
}

const calls = (rig: Rig) =>
  rig.events.flatMap((event) =>
    event.kind === "call" ? [`${event.method} ${event.path} ${event.outcome}`] : [],
  );

test("proxy tunnel: HTTPS in it is opened, mocked and relayed, through one tunnel", async () => {
  await using origin = await openSecureOrigin(theirs, "pay.test", (_request, response) =>
    response.end("real"),
  );
  await using proxy = await openForwardProxy(origin.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock], tls });
  const client = await secure(await tunnelThrough(rig, "pay.test:443"), ours.trust);
  client.write(get("/m"));
  assert.match(await readUntil(client, "mocked"), /^HTTP\/1\.1 200/);
  client.write(get("/r"));
  await readUntil(client, "real");
  client.write(get("/r2"));
  await readUntil(client, "real");
  client.destroy();
  await rig.event((event) => event.kind === "call" && event.path === "/r2");
  assert.deepEqual(calls(rig), ["GET /m mocked", "GET /r relayed", "GET /r2 relayed"]);
  assert.equal(proxy.asked.length, 1);
});

test("proxy tunnel: a host that no rule names stays as it is", async () => {
  await using origin = await openSecureOrigin(theirs, "other.test", (_request, response) =>
    response.end("real"),
  );
  await using proxy = await openForwardProxy(origin.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock], tls });
  const client = await secure(await tunnelThrough(rig, "other.test:443"), theirs.trust, "other.test");
  client.write(get("/m"));
  await readUntil(client, "real");
  client.destroy();
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), {
    protocol: "tls",
    serverName: "other.test",
    upstream: { host: "other.test", port: 443 },
  });
  assert.equal(proxy.asked.length, 1);
});

test("proxy tunnel: where no rule can claim anything, it is joined as it was", async () => {
  await using echo = await openServer((socket) => socket.pipe(socket));
  await using proxy = await openForwardProxy(echo.address.port);
  const elsewhere: Partial<RuleSpec> = {
    ...mock,
    matches: [{ destination: { cidr: null, hostname: null, port: 1 } }],
  };
  for (const rules of [[], [elsewhere]]) {
    await using rig = await openRig({ upstream: proxy.address, rules });
    const client = await tunnelThrough(rig, "pay.test:443");
    client.write("\u0016\u0003\u0001");
    await readUntil(client, "\u0016\u0003\u0001");
    client.end();
    await drainSocket(client);
    assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "opaque"), { protocol: "upgraded" });
  }
});

test("proxy tunnel: plain HTTP in it", async () => {
  await using origin = await openServer((socket) =>
    socket.on("data", (bytes: Buffer) => {
      const path = /GET (\S+)/.exec(bytes.toString())?.[1] ?? "";
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    }),
  );
  await using proxy = await openForwardProxy(origin.address.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock, slow] });
  const client = await tunnelThrough(rig, "pay.test:80");
  for (const [path, reply] of [
    ["/r", "/r"],
    ["/m", "mocked"],
    ["/slow", "/slow"],
    ["/r2", "/r2"],
  ] as const) {
    client.write(get(path));
    assert.match(await readUntil(client, `\r\n\r\n${reply}`), /^HTTP\/1\.1 200/);
  }
  client.destroy();
  assert.equal(proxy.asked.length, 1);
});

test("proxy tunnel: a further link is asked for as the client asked", async () => {
  const leaf = await theirs.issue("pay.test");
  const server = createSecureServer({ cert: leaf.chain, key: leaf.key }, (request, response) =>
    response.end(`real ${request.url}`),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (!address || typeof address === "string") throw new Error("no address");
  await using proxy = await openForwardProxy(address.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock, slow], tls });
  const tunnel = await tunnelThrough(rig, "pay.test:443", "Proxy-Authorization: Basic YTpi\r\n");
  const client = connectHttp2("https://pay.test", {
    createConnection: () =>
      connectTls({ socket: tunnel, servername: "pay.test", ca: ours.trust, ALPNProtocols: ["h2"] }),
  });
  const call = async (path: string) => {
    let text = "";
    const stream = client.request({ ":path": path });
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    await once(stream, "end");
    return text;
  };
  const texts = [await call("/r"), await call("/m"), await call("/slow"), await call("/slow")];
  client.destroy();
  tunnel.destroy();
  server.close();
  assert.deepEqual(texts, ["real /r", "mocked", "real /slow", "real /slow"]);
  assert.equal(proxy.asked.length, 2);
  assert.equal(proxy.asked[0], proxy.asked[1]);
  assert.match(proxy.asked[0] ?? "", /^CONNECT pay\.test:443 .*Basic YTpi/s);
});

test("proxy tunnel: a server that speaks first is heard, also where its words come with the answer", async () => {
  await using origin = await openServer((socket) => socket.write("220 mail\r\n"));
  await using proxy = await openForwardProxy(origin.address.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock], deadlines: { detectMs: 10 } });
  const client = await connectTo(rig.address);
  client.write("CONNECT mail.test:25 HTTP/1.1\r\nHost: mail.test:25\r\n\r\n");
  assert.equal(await readUntil(client, "220 mail\r\n"), "HTTP/1.1 200 OK\r\nVia: p\r\n\r\n220 mail\r\n");
  client.destroy();
  await using eager = await openServer((socket) =>
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\n220 at once\r\n")),
  );
  await using next = await openRig({ upstream: eager.address, rules: [mock], deadlines: { detectMs: 10 } });
  const other = await connectTo(next.address);
  other.write("CONNECT mail.test:25 HTTP/1.1\r\nHost: mail.test:25\r\n\r\n");
  assert.equal((await drainSocket(other)).bytes.toString(), "HTTP/1.1 200 OK\r\n\r\n220 at once\r\n");
});

test("proxy tunnel: what a client says at once behind its request is in it", async () => {
  await using proxy = await openForwardProxy(9);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock] });
  const client = await connectTo(rig.address);
  client.write(`CONNECT pay.test:80 HTTP/1.1\r\nHost: pay.test:80\r\n\r\n${get("/m")}`);
  await readUntil(client, "mocked");
  client.destroy();
});

for (const answer of ["HTTP/1.1 403 No\r\n\r\n", "HTTP/1.1 502\r\nContent-Length: 4\r\n\r\ngone"]) {
  test(`proxy tunnel: rules that name a host answer where the proxy has none (${answer.slice(9, 12)})`, async () => {
    await using proxy = await openForwardProxy(9, () => answer);
    await using rig = await openRig({ upstream: proxy.address, rules: [mock], tls });
    const client = await secure(await tunnelThrough(rig, "pay.test:443"), ours.trust);
    client.write(get("/m"));
    await readUntil(client, "mocked");
    client.write(get("/r"));
    const status = answer.slice(9).split("\r\n")[0]?.trim();
    assert.match(
      await readUntil(client, /asked for a tunnel[^"]*/),
      new RegExp(`^HTTP/1.1 502 [^]*, asked for a tunnel to pay.test:443, answered ${status}`),
    );
    client.destroy();
    assert.equal(proxy.asked.length, 1);
  });
}

test("proxy tunnel: what the proxy answers to others passes as it came", async () => {
  const answers: Record<string, string> = {
    "other.test:443": "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
    "pay.test:443": "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
  };
  await using proxy = await openForwardProxy(9, (head) => answers[head.split(" ")[1] ?? ""] ?? "");
  await using rig = await openRig({ upstream: proxy.address, rules: [mock], tls });
  for (const [place, answer] of Object.entries(answers)) {
    const client = await connectTo(rig.address);
    client.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n\r\n`);
    assert.equal((await drainSocket(client)).bytes.toString(), answer);
  }
});

test("proxy tunnel: rules that name a host answer where the proxy is out of reach", async () => {
  const server = await openServer(() => undefined);
  await server[Symbol.asyncDispose]();
  await using rig = await openRig({ upstream: server.address, rules: [mock], tls });
  const client = await secure(await tunnelThrough(rig, "pay.test:443"), ours.trust);
  client.write(get("/m"));
  await readUntil(client, "mocked");
  client.destroy();
  assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
    outcome: "failed",
    flags: ["UF"],
  });
  const other = await connectTo(rig.address);
  other.write("CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n");
  assert.equal((await drainSocket(other)).reset, true);
});

test("proxy tunnel: a CONNECT is claimed by rules that name the method, and by no others", async () => {
  await using proxy = await openForwardProxy(9, () => "HTTP/1.1 204 Tunnel\r\n\r\n");
  const everything: Partial<RuleSpec> = { name: "all", matches: [], respond: replyWith("all") };
  const connects: Partial<RuleSpec> = {
    name: "connects",
    matches: [{ host, method: { op: "prefix", value: "CON" } }],
    respond: replyWith("no tunnels", { status: 403 }),
  };
  await using rig = await openRig({ upstream: proxy.address, rules: [everything, connects] });
  const other = await tunnelThrough(rig, "other.test:80");
  other.destroy();
  await assert.rejects(tunnelThrough(rig, "pay.test:443"), /^Error: HTTP\/1\.1 403/);
  assert.equal(proxy.asked.length, 1);
});

test("proxy tunnel: each side may end before the other", async () => {
  await using origin = await openServer((socket) => {
    let text = "";
    socket.on("data", (bytes: Buffer) => {
      text += bytes;
    });
    socket.on("end", () => socket.end(`got ${text}`));
  });
  await using proxy = await openForwardProxy(origin.address.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock], deadlines: { detectMs: 10 } });
  for (const words of ["", "\0raw"]) {
    const client = await tunnelThrough(rig, "pay.test:5432");
    client.end(words);
    assert.deepEqual(await drainSocket(client), { bytes: Buffer.from(`got ${words}`), reset: false });
  }
});

test("proxy tunnel: a client that leaves without a word, or is only mocked, leaves no tunnel behind", async () => {
  const ends: Promise<unknown>[] = [];
  await using origin = await openServer((socket) => {
    ends.push(once(socket, "close"));
    socket.resume().on("end", () => socket.end());
  });
  await using proxy = await openForwardProxy(origin.address.port);
  await using rig = await openRig({ upstream: proxy.address, rules: [mock] });
  const silent = await tunnelThrough(rig, "pay.test:80");
  silent.resetAndDestroy();
  const mocked = await tunnelThrough(rig, "pay.test:80");
  mocked.write(get("/m"));
  await readUntil(mocked, "mocked");
  mocked.end();
  await drainSocket(mocked);
  assert.equal(ends.length, 2);
  await Promise.all(ends);
});
