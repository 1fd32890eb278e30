// Upstreams that say a last word and leave with bytes unread, while the link is writing: the word arrives all the same.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { systemClock } from "../../../src/core/clock.ts";
import { createDeadlines } from "../../../src/core/deadlines.ts";
import type { Link, LinkEvents } from "../../../src/core/link.ts";
import { createReadBuffers } from "../../../src/core/read-buffers.ts";
import { createSecureInlets } from "../../../src/proxy/accept/secure-reads.ts";
import { createDial } from "../../../src/proxy/relay/socket-link.ts";
import { testAuthority } from "../../support/https.ts";
import { secureDial } from "../../support/secure-dial.ts";

const hello = Buffer.from("hello");
const upload = Buffer.alloc(1_000_000, "B");

interface Heard {
  readonly words: string;
  readonly end: string;
  /** Whether the link took what was written after it had failed, without asking to wait. */
  readonly takesOn: boolean;
}

/** What a link hears whose upstream answers `hello` by a last word amid the upload that follows. */
async function lastWord(server: Server, open: (port: number, events: LinkEvents) => Link): Promise<Heard> {
  const accepted = new Promise<Socket>((resolve) => {
    server.on("connection", (socket) => socket.on("error", () => undefined));
    server.on("secureConnection", resolve);
    if (!("setSecureContext" in server)) server.on("connection", resolve);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const heard = { words: "", takesOn: false };
  const end = new Promise<string>((resolve) => {
    const link = open(port, {
      data(chunk) {
        heard.words += chunk.toString();
        if (heard.words === "hello") void leave();
        return true;
      },
      drain() {
        heard.takesOn = link.write(upload);
      },
      end: () => resolve("end"),
      close: (how, detail) => resolve(`${how}: ${detail.replace(`127.0.0.1:${port}`, "ADDRESS")}`),
    });
    const leave = async () => {
      const socket = await accepted;
      link.write(upload); // more than anybody reads
      // All in one turn, so that the reset is there before the word has been read.
      socket.write(", and goodbye");
      socket.destroy();
      link.write(upload);
    };
    link.write(hello);
    void accepted.then((socket) => {
      socket.on("error", () => undefined);
      socket.setNoDelay(true); // or the kernel would keep the last word back, and lose it with the connection
      socket.once("data", (chunk) => {
        socket.pause();
        socket.write(chunk);
      });
    });
  });
  const told = { end: await end, ...heard };
  server.close();
  return told;
}

test("outlast reset: over TCP", async () => {
  const dial = createDial({
    clock: systemClock,
    deadlines: createDeadlines(systemClock, 10),
    connectMs: 5_000,
    buffers: createReadBuffers(),
    shortcut: null,
  });
  const told = await lastWord(createServer(), (port, events) => dial({ host: "127.0.0.1", port }, events));
  assert.equal(told.words, "hello, and goodbye");
  assert.match(told.end, /^reset: ADDRESS/);
  assert.equal(told.takesOn, true);
});

for (const [how, deps] of [
  ["", {}],
  [", read through buffers of ours", { inletOf: createSecureInlets(createReadBuffers()) }],
] as const)
  test(`outlast reset: over TLS${how}`, async () => {
    const authority = await testAuthority();
    const leaf = await authority.issue("shop.test");
    const server = createTlsServer({ cert: leaf.chain, key: leaf.key });
    const told = await lastWord(server, (port, events) => {
      const aim = { upstream: { host: "127.0.0.1", port }, serverName: "shop.test", protocols: [] };
      return secureDial(authority.trust, deps).link(aim, events);
    });
    assert.equal(told.words, "hello, and goodbye");
    assert.match(told.end, /^reset: /);
    assert.equal(told.takesOn, true);
  });
