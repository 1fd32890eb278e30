// DNS carried from one UDP socket to name servers and back.

import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { carryDns, type DnsCarrier } from "../../../src/proxy/accept/dns-carrier.ts";
import { addressAnswer, readDnsHead } from "../../../src/proxy/accept/dns-message.ts";
import { hostResolvConf, parseResolvConf } from "../../../src/proxy/accept/resolv-conf.ts";
import type { StandIn } from "../../../src/proxy/accept/stand-in-names.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { dnsQuery, startTinyDns } from "../../support/tiny-dns.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function bound(host = "127.0.0.1"): Promise<Socket> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  return socket;
}

async function scene(
  servers: readonly { host: string; port: number }[],
  clock = systemClock,
  standIn?: StandIn,
) {
  const inside = await bound();
  const client = await bound();
  const carrier: DnsCarrier = carryDns([inside], {
    nameservers: () => servers,
    clock,
    random: seededRandom(1),
    ...(standIn ? { standIn } : {}),
  });
  cleanups.push(() => client.close(), carrier.close);
  const ask = (query: Buffer) => client.send(query, inside.address().port, "127.0.0.1");
  const answer = async () => ((await once(client, "message")) as [Buffer])[0];
  return { carrier, ask, answer, client };
}

async function silentServer(): Promise<{ port: number; socket: Socket }> {
  const socket = await bound();
  cleanups.push(() => socket.close());
  return { port: socket.address().port, socket };
}

describe("DNS carrier", () => {
  test("carries a query and its answer, under the client's own id", async () => {
    const dns = await startTinyDns({ "shop.test": "192.0.2.7" });
    cleanups.push(dns.close);
    const { carrier, ask, answer } = await scene([{ host: "127.0.0.1", port: dns.port }]);
    ask(dnsQuery(4711, "shop.test"));
    const reply = await answer();
    assert.equal(reply.readUInt16BE(0), 4711);
    assert.deepEqual([...reply.subarray(-4)], [192, 0, 2, 7]);
    assert.equal(carrier.pending(), 0);
  });

  test("reaches a name server over IPv6", async (t) => {
    const dns = await startTinyDns({ "six.test": "192.0.2.6" }, "::1").catch((error: Error) => error);
    if (dns instanceof Error) return t.skip(`IPv6 is missing: ${dns.message}`);
    cleanups.push(dns.close);
    const { ask, answer } = await scene([{ host: "::1", port: dns.port }]);
    ask(dnsQuery(1, "six.test"));
    assert.equal((await answer()).readUInt16BE(6), 1);
  });

  test("asks the next server when one is silent, and says SERVFAIL after the last", async () => {
    const clock = manualClock();
    const [first, second] = [await silentServer(), await silentServer()];
    const { carrier, ask, answer } = await scene(
      [first, second].map(({ port }) => ({ host: "127.0.0.1", port })),
      clock,
    );
    ask(dnsQuery(9, "slow.test"));
    await once(first.socket, "message");
    const asked = once(second.socket, "message");
    await clock.advance(2_000);
    await asked;
    assert.equal(carrier.pending(), 1);
    const answered = answer();
    await clock.advance(2_000);
    const reply = await answered;
    assert.equal(reply.readUInt16BE(0), 9);
    assert.equal((reply[3] ?? 0) & 0x0f, 2);
    assert.equal(carrier.pending(), 0);
    assert.equal(clock.pending(), 0);
  });

  test("does not wait for a server that nobody runs", async () => {
    const gone = await silentServer();
    const dns = await startTinyDns({ "shop.test": "192.0.2.7" });
    cleanups.push(dns.close);
    const { port } = gone;
    cleanups.shift()?.(); // closes it: the kernel refuses from here on
    const { ask, answer } = await scene([
      { host: "127.0.0.1", port },
      { host: "127.0.0.1", port: dns.port },
    ]);
    ask(dnsQuery(5, "shop.test"));
    assert.equal((await answer()).readUInt16BE(6), 1);
  });

  test("believes only an answer to the very question, under its id", async () => {
    const server = await silentServer();
    const { ask, answer } = await scene([{ host: "127.0.0.1", port: server.port }]);
    ask(dnsQuery(77, "shop.test"));
    const [query, from] = (await once(server.socket, "message")) as [
      Buffer,
      { port: number; address: string },
    ];
    const forged = dnsQuery(query.readUInt16BE(0), "evil.test");
    forged[2] = 0x80;
    const stray = Buffer.from(query);
    stray[2] = 0x80;
    stray.writeUInt16BE((query.readUInt16BE(0) + 1) & 0xffff, 0);
    const honest = Buffer.from(query);
    honest[2] = 0x80;
    for (const reply of [forged, stray, query, honest]) server.socket.send(reply, from.port, from.address);
    const reply = await answer();
    assert.equal(reply.readUInt16BE(0), 77);
    assert.equal(readDnsHead(reply)?.question, readDnsHead(query)?.question);
  });

  test("holds a bounded number of queries and refuses the rest at once", async () => {
    const server = await silentServer();
    const { carrier, ask, answer } = await scene([{ host: "127.0.0.1", port: server.port }], manualClock());
    const first = answer();
    for (let i = 0; i < 513; i++) {
      ask(dnsQuery(i, "many.test"));
      if (i % 32 === 31) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    assert.equal(((await first)[3] ?? 0) & 0x0f, 2);
    assert.equal(carrier.pending(), 512);
  });

  test("drops what is no query", async () => {
    const { carrier, ask } = await scene([{ host: "127.0.0.1", port: 9 }]);
    const answer = dnsQuery(1, "a.test");
    answer[2] = 0x80;
    for (const bytes of [Buffer.from("hello"), answer, dnsQuery(1, "a.test").subarray(0, 15)]) ask(bytes);
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.equal(carrier.pending(), 0);
  });
});

/** Answers for `payments.internal` alone, having asked whether `payments` exists. */
function standInFor(heard: string[]): StandIn {
  const covers: StandIn["covers"] = ({ name }) => name === "payments.internal";
  return {
    covers,
    async answer(query, head, failure, exists) {
      heard.push(`${head.name} ${failure} ${await exists("payments")}`);
      return covers(head) ? addressAnswer(query, head, Uint8Array.of(198, 19, 0, 1), 5) : null;
    },
  };
}

const codeOf = (answer: Buffer) => (answer[3] ?? 0) & 0x0f;

describe("DNS carrier with a stand-in", () => {
  for (const [code, said] of [
    [3, "NXDOMAIN"],
    [2, "SERVFAIL"],
    [5, "REFUSED"],
  ] as const)
    test(`${said} is not the last word, where there is a better one`, async () => {
      const dns = await startTinyDns({ "shop.test": "192.0.2.7" }, "127.0.0.1", code);
      cleanups.push(dns.close);
      const heard: string[] = [];
      const servers = [{ host: "127.0.0.1", port: dns.port }];
      const { carrier, ask, answer } = await scene(servers, systemClock, standInFor(heard));
      ask(dnsQuery(3, "payments.internal"));
      const reply = await answer();
      assert.deepEqual([reply.readUInt16BE(0), codeOf(reply), ...reply.subarray(-4)], [3, 0, 198, 19, 0, 1]);
      ask(dnsQuery(4, "other.internal"));
      assert.equal(codeOf(await answer()), code);
      ask(dnsQuery(5, "shop.test"));
      assert.deepEqual([...(await answer()).subarray(-4)], [192, 0, 2, 7]);
      assert.deepEqual(heard, [`payments.internal ${code} false`, `other.internal ${code} false`]);
      assert.equal(carrier.pending(), 0);
    });

  test("another name that is asked for on the way is found", async () => {
    const dns = await startTinyDns({ payments: "192.0.2.7" });
    cleanups.push(dns.close);
    const heard: string[] = [];
    const { ask, answer } = await scene(
      [{ host: "127.0.0.1", port: dns.port }],
      systemClock,
      standInFor(heard),
    );
    ask(dnsQuery(3, "payments.internal"));
    await answer();
    assert.deepEqual(heard, ["payments.internal 3 true"]);
  });

  test("queries at once do not wait for a server that nobody runs", async () => {
    const gone = await silentServer();
    cleanups.shift()?.();
    const clock = manualClock();
    const { ask, client } = await scene([{ host: "127.0.0.1", port: gone.port }], clock);
    const codes: number[] = [];
    const all = new Promise<void>((resolve) => {
      client.on("message", (answer) => codes.push(codeOf(answer)) === 20 && resolve());
    });
    for (let id = 0; id < 20; id++) ask(dnsQuery(id, "payments.internal"));
    await all;
    assert.ok(codes.every((code) => code === 2));
    assert.equal(clock.pending(), 0);
  });

  test("silence: at most 4 s the first time, and a quarter of a second a server later on", async () => {
    const clock = manualClock();
    const silent = [await silentServer(), await silentServer(), await silentServer()];
    const servers = silent.map(({ port }) => ({ host: "127.0.0.1", port }));
    const heard: string[] = [];
    const standIn: StandIn = {
      ...standInFor(heard),
      answer: async (query, head, failure) => {
        heard.push(`${head.name} ${failure}`);
        return addressAnswer(query, head, Uint8Array.of(198, 19, 0, 1), 5);
      },
    };
    const { ask, answer } = await scene(servers, clock, standIn);
    const silence = async (ms: number, at: number) => {
      const next = silent[at]?.socket;
      const reached = next ? once(next, "message") : null;
      await clock.advance(ms);
      await reached;
    };
    const [first] = silent;
    assert.ok(first);
    const asked = once(first.socket, "message");
    ask(dnsQuery(1, "payments.internal"));
    await asked;
    await silence(2_000, 1);
    const answered = answer();
    await clock.advance(2_000); // the third is not waited for
    assert.equal(codeOf(await answered), 0);
    const again = once(first.socket, "message");
    ask(dnsQuery(2, "payments.internal"));
    await again;
    await silence(250, 1);
    await silence(250, 2);
    const later = answer();
    await clock.advance(2_000); // the third has not been known to be silent
    assert.equal((await later).readUInt16BE(0), 2);
    assert.deepEqual(heard, ["payments.internal null", "payments.internal null"]);
  });

  test("what it does not cover waits as long as ever", async () => {
    const clock = manualClock();
    const silent = await silentServer();
    const { ask, answer, carrier } = await scene(
      [{ host: "127.0.0.1", port: silent.port }],
      clock,
      standInFor([]),
    );
    for (const id of [1, 2]) {
      const asked = once(silent.socket, "message");
      ask(dnsQuery(id, "other.internal"));
      await asked;
      await clock.advance(1_999);
      assert.equal(carrier.pending(), 1);
      const answered = answer();
      await clock.advance(1);
      if (carrier.pending() > 0) await clock.advance(250); // the name that is asked for on the way
      assert.equal(codeOf(await answered), 2);
    }
  });
});

describe("resolv.conf", () => {
  test("names servers in order, IPv6 too; comments and names are no servers", () => {
    const text =
      "# nameserver 1.1.1.1\nsearch shop.svc\nnameserver 10.0.0.53\n nameserver fd00::53\nnameserver dns.example\n";
    assert.deepEqual(parseResolvConf(text).nameservers, [
      { host: "10.0.0.53", port: 53 },
      { host: "fd00::53", port: 53 },
    ]);
  });
  test("without any, the one on this machine is asked", () => {
    assert.deepEqual(parseResolvConf("").nameservers, [{ host: "127.0.0.1", port: 53 }]);
  });
  test("names search domains, and when they are tried", () => {
    const { search, ndots } = parseResolvConf(
      "domain old.example\nsearch Shop.svc.  .cluster.local.\noptions timeout:1 ndots:5\noptions edns0 ndots:99\n",
    );
    assert.deepEqual(search, ["shop.svc", "cluster.local"]);
    assert.equal(ndots, 15);
    assert.deepEqual(parseResolvConf("search a\ndomain b\noptions ndots:x").search, ["b"]);
    assert.equal(parseResolvConf("options ndots:x").ndots, 1);
  });
  test("is read again after a while, and may be missing", async () => {
    const clock = manualClock();
    const servers = hostResolvConf(clock, "/nowhere/resolv.conf");
    const first = servers();
    assert.deepEqual(first.nameservers, [{ host: "127.0.0.1", port: 53 }]);
    assert.equal(servers(), first);
    await clock.advance(5_000);
    assert.notEqual(servers(), first);
  });
});
