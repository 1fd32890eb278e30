// TLS to an upstream that breaks in the middle of what it says: told in words, and as a reset, not as a refusal.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { test } from "node:test";
import { createServer } from "node:tls";
import { testAuthority } from "../../support/https.ts";
import { secureDial } from "../../support/secure-dial.ts";

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** What a link hears last when, after the first answer, `harm` befalls the two halves of its TCP, and it says one word more. */
async function afterHarm(harm: (client: Socket, server: Socket) => void): Promise<string> {
  const authority = await testAuthority();
  const leaf = await authority.issue("shop.test");
  // Asks for a certificate, so that an end before the first answer would be taken for a refusal.
  const options = { cert: leaf.chain, key: leaf.key, requestCert: true, rejectUnauthorized: false };
  const origin = createServer(options, (socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write("welcome"));
  });
  const originPort = await portOf(origin);
  const between = createTcpServer((client) => {
    const server = connect(originPort, "127.0.0.1");
    for (const socket of [client, server]) socket.on("error", () => undefined);
    client.on("data", (chunk: Buffer) => {
      if (harmed) chunk.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1);
      server.write(chunk);
    });
    server.on("data", (chunk) => client.write(chunk));
    server.on("close", () => client.end());
    halves.push([client, server]);
  });
  let harmed = false;
  const halves: [Socket, Socket][] = [];
  const port = await portOf(between);
  const told = await new Promise<string>((resolve) => {
    const aim = { upstream: { host: "127.0.0.1", port }, serverName: "shop.test", protocols: [] };
    const link = secureDial(authority.trust).link(aim, {
      data() {
        harmed = true;
        for (const pair of halves) harm(...pair);
        link.write(Buffer.from("more"));
        return true;
      },
      drain: () => undefined,
      end: () => resolve("end"),
      close: (how, detail) => resolve(`${how}: ${detail.replace(`127.0.0.1:${port}`, "ADDRESS")}`),
    });
    link.write(Buffer.from("hello"));
  });
  for (const socket of halves.flat()) socket.destroy();
  origin.close();
  between.close();
  return told;
}

test("tls break: an alert of the upstream, in the middle", async () => {
  // What is said from now on is damaged on its way.
  const told = await afterHarm(() => undefined);
  assert.equal(told, "reset: shop.test (ADDRESS) broke the connection off (TLS alert 20, bad record mac)");
});

test("tls break: a reset", async () => {
  const told = await afterHarm((client) => client.resetAndDestroy());
  assert.equal(told, "reset: shop.test (ADDRESS) reset the connection");
});

test("tls break: what is no TLS any more", async () => {
  const told = await afterHarm((client) => client.write("HTTP/1.1 500 Oh\r\n\r\n"));
  assert.match(told, /^reset: shop\.test \(ADDRESS\): [a-z ]+$/, "OpenSSL's words, without its places");
});
