// The mesh over real sockets, without agents: what arrives, what is refused, and that nothing stays open.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import type { Mesh } from "../../../../src/control/mesh/mesh.ts";
import { openNetTransport } from "../../../../src/control/mesh/net/net-transport.ts";
import { openMesh } from "../../../../src/control/mesh/open-mesh.ts";
import { lanTiming, localTiming } from "../../../../src/control/mesh/swim/timing.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { systemRandom } from "../../../../src/core/random.ts";

async function member(t: TestContext, name: string, more: object = {}): Promise<Mesh> {
  const mesh = await openMesh(
    { name, tags: new Map(), timing: lanTiming, bind: { host: "127.0.0.1", port: 0 }, ...more },
    { clock: systemClock, random: systemRandom, onEvent: () => undefined },
  );
  t.after(() => mesh.close());
  return mesh;
}

async function until(check: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!check()) {
    if (performance.now() > giveUpAt) throw new Error("did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const key = Buffer.alloc(32, 1);

for (const [what, options] of [
  ["plain", {}],
  ["labelled", { label: "blue" }],
  ["encrypted and labelled", { label: "blue", keys: [key] }],
  ["over IPv6", { bind: { host: "::1", port: 0 } }],
] as const)
  test(`net: two members, ${what}, find each other and hear each other's news`, async (t) => {
    const [a, b] = [await member(t, "a", options), await member(t, "b", options)];
    assert.deepEqual(await a.join([b.address]), [{ address: b.address, problem: null }]);
    await until(() => a.members().length === 2 && b.members().length === 2);
    a.setTags(new Map([["x", "y"]]));
    await until(() => b.members().some(({ tags }) => tags.get("x") === "y"));
    assert.deepEqual([a.counters().dropped, b.counters().dropped], [{}, {}]);
    assert.equal(a.awareness, 0);
  });

test("net: another label and no label stay outside", async (t) => {
  const [blue, red, none] = [
    await member(t, "a", { label: "blue" }),
    await member(t, "b", { label: "red" }),
    await member(t, "c"),
  ];
  const problems = [
    ...(await red.join([blue.address])),
    ...(await none.join([blue.address])),
    ...(await blue.join([none.address])),
  ];
  for (const { problem } of problems) assert.ok(problem);
  assert.equal(blue.members().length, 1);
  assert.equal(blue.counters().dropped.label, 2);
});

test("net: garbage on both ports is dropped and counted", async (t) => {
  const mesh = await member(t, "a");
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  for (const bytes of ["ff", "0481c1", "0c00000000ff", "07ff", "0982a4416c676f00a3427566a1ff", "08ff"])
    socket.send(Buffer.from(bytes, "hex"), mesh.address.port, "127.0.0.1");
  const stream = connect({ ...mesh.address });
  const closed = new Promise((resolve) => stream.once("close", resolve));
  stream.on("error", () => undefined);
  stream.end(Buffer.from("06ff", "hex"));
  await closed;
  await until(() => Object.values(mesh.counters().dropped).reduce((sum, count) => sum + count, 0) === 7);
  const { unknown, malformed, crc } = mesh.counters().dropped;
  assert.deepEqual({ unknown, malformed, crc }, { unknown: 2, malformed: 4, crc: 1 });
});

test("net: strangers cannot make a member hold more than 32 MiB of half a message", async (t) => {
  const mesh = await member(t, "a", { keys: [key] });
  const claim = Buffer.concat([Buffer.from("0a00a00000", "hex"), Buffer.alloc(9_000_000)]);
  const streams = Array.from({ length: 6 }, () => connect({ ...mesh.address }).on("error", () => undefined));
  t.after(() => streams.forEach((stream) => void stream.destroy()));
  for (const stream of streams) stream.write(claim);
  await until(() => (mesh.counters().dropped.crowded ?? 0) >= 2);
  const [result] = await mesh.join([{ host: "127.0.0.1", port: 70_000 }]);
  assert.equal(result?.problem, "expected a port from 1 to 65535, got 70000");
});

test("net: a stream that says nothing is closed when its time is over", async (t) => {
  const mesh = await member(t, "a", { timing: localTiming });
  const stream = connect({ ...mesh.address });
  await new Promise((resolve) => stream.once("close", resolve));
});

test("net: closing ends sockets and listeners; a packet to nowhere is no error", async () => {
  const transport = await openNetTransport({ host: "127.0.0.1", port: 0 });
  const handlers = { packet: () => undefined, stream: () => null };
  transport.attach(handlers);
  transport.sendPacket({ host: "not an address", port: 9 }, Buffer.alloc(1));
  transport.sendPacket({ host: "::1", port: 9 }, Buffer.alloc(1));
  transport.sendPacket(transport.address, Buffer.alloc(70_000));
  const refused = connect({ ...transport.address });
  await new Promise((resolve) => refused.once("close", resolve));
  await transport.close();
  await transport.close();
  transport.sendPacket(transport.address, Buffer.alloc(1));
});
