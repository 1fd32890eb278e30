// The mesh in its thread: what is asked of it, and that a stalled proxy is not suspected.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Mesh, MeshEvent } from "../../../../src/control/mesh/mesh.ts";
import { openMesh } from "../../../../src/control/mesh/open-mesh.ts";
import { lanTiming } from "../../../../src/control/mesh/swim/timing.ts";
import { type FromWorker, maxEventsUnderWay } from "../../../../src/control/mesh/worker/channel.ts";
import { MeshWorker, type MeshWorkerOptions } from "../../../../src/control/mesh/worker/mesh-worker.ts";
import { serveMesh } from "../../../../src/control/mesh/worker/serve-mesh.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { systemRandom } from "../../../../src/core/random.ts";

const loopback = { host: "127.0.0.1", port: 0 };

async function threaded(t: TestContext, name: string, more: Partial<MeshWorkerOptions> = {}) {
  const events: MeshEvent[] = [];
  const worker = await MeshWorker.start({
    bind: loopback,
    name,
    tags: new Map([["role", "sidecar"]]),
    keys: [],
    label: "",
    timing: lanTiming,
    openWithoutKeys: false,
    onEvent: (event) => events.push(event),
    ...more,
  });
  t.after(() => worker.close(systemClock));
  return { worker, events };
}

async function local(t: TestContext, name: string): Promise<Mesh> {
  const mesh = await openMesh(
    { name, tags: new Map(), timing: lanTiming, bind: loopback },
    { clock: systemClock, random: systemRandom, onEvent: () => undefined },
  );
  t.after(() => mesh.close());
  return mesh;
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!(await check())) {
    if (performance.now() > giveUpAt) throw new Error("did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("worker: joins, tells, asks and leaves on request", async (t) => {
  const [{ worker, events }, peer] = [await threaded(t, "threaded"), await local(t, "local")];
  assert.deepEqual(await worker.request("join", { addresses: [peer.address] }), [
    { address: peer.address, problem: null },
  ]);
  await worker.request("broadcast", { name: "hi", payload: Buffer.from("there") });
  await worker.request("set-tags", { tags: new Map([["v", "2"]]) });
  await until(() => peer.members().some(({ name, tags }) => name === "threaded" && tags.get("v") === "2"));
  await until(() =>
    events.some(
      (event) =>
        event.kind === "broadcast" && Buffer.from(event.broadcast.payload).equals(Buffer.from("there")),
    ),
  );
  assert.deepEqual((await worker.request("members", {})).map(({ name }) => name).sort(), [
    "local",
    "threaded",
  ]);
  assert.deepEqual(
    await worker.request("query", { name: "none", payload: Buffer.alloc(0), timeoutMs: 50 }),
    [],
  );
  const [answer] = await worker.request("keys", { operation: "list-keys", key: null, timeoutMs: 300 });
  assert.equal(answer?.message, "the mesh is not encrypted at this member");
  await assert.rejects(worker.request("broadcast", { name: "x", payload: Buffer.alloc(2_000) }), {
    code: "bad_message",
  });
  await until(async () => (await worker.request("state", {})).confirmed);
  await worker.request("leave", {});
  await until(() => peer.members().some(({ name, status }) => name === "threaded" && status === "left"));
  await worker.close(systemClock);
  await worker.close(systemClock);
  await assert.rejects(worker.request("members", {}), { code: "aborted", message: "the mesh was closed" });
});

test("worker: a wrong setup is refused with its reason", async (t) => {
  await assert.rejects(threaded(t, "bad name"), {
    code: "bad_config",
    message: /gossip name: expected 1 to 128/,
  });
  await assert.rejects(threaded(t, "open", { bind: { host: "0.0.0.0", port: 0 } }), {
    code: "bad_config",
    message: /expected a key, or an address on loopback/,
  });
  await assert.rejects(threaded(t, "taken", { bind: (await local(t, "first")).address }), {
    message: /cannot listen on/,
  });
  const anywhere = { bind: { host: "0.0.0.0", port: 0 }, openWithoutKeys: true };
  await assert.rejects(threaded(t, "nowhere", anywhere), { message: /an address that others can reach/ });
});

test("worker: a thread that ends by itself is reported, and requests do not hang", async (t) => {
  const problems: string[] = [];
  const { worker } = await threaded(t, "doomed", { onExit: (problem) => problems.push(problem) });
  const hanging = worker.request("query", { name: "x", payload: Buffer.alloc(0), timeoutMs: 60_000 });
  void worker.request("close", {}).catch(() => undefined);
  await assert.rejects(hanging, { code: "aborted" });
  assert.deepEqual(problems, ["the thread of the mesh has ended"]);
});

test("worker: while the proxy's own thread stands still for 3 s, nobody suspects its member", async (t) => {
  const stalled = await threaded(t, "stalled");
  const watcher = await threaded(t, "watcher");
  await stalled.worker.request("join", { addresses: [watcher.worker.address] });
  await until(async () => (await watcher.worker.request("state", {})).confirmed);
  const end = performance.now() + 3_000;
  while (performance.now() < end); // both proxies are this one thread; both meshes run on
  for (const { worker } of [stalled, watcher]) {
    const { counters } = await worker.request("state", {});
    assert.equal(counters.suspicions, 0);
    assert.equal(counters.refutations, 0);
  }
});

test("worker: events to a thread that takes none are bounded, and the lost ones counted", async () => {
  const sent: FromWorker[] = [];
  let finished = false;
  const setup = {
    bind: loopback,
    name: "busy",
    tags: new Map(),
    keys: [],
    label: "",
    timing: lanTiming,
    openWithoutKeys: false,
  };
  const receive = serveMesh(
    setup,
    { clock: systemClock, random: systemRandom },
    (message) => sent.push(message),
    () => {
      finished = true;
    },
  );
  const ask = (id: number, name: "broadcast" | "state" | "close", args: object) =>
    receive({ kind: "request", id, name, args });
  for (let i = 0; i < maxEventsUnderWay + 10; i++)
    ask(i, "broadcast", { name: `n${i}`, payload: Buffer.alloc(0) });
  ask(-1, "state", {});
  await until(() => sent.some((message) => message.kind === "done" && message.id === -1));
  assert.equal(sent.filter(({ kind }) => kind === "event").length, maxEventsUnderWay);
  const state = sent.find((message) => message.kind === "done" && message.id === -1);
  assert.ok(state?.kind === "done" && JSON.stringify(state.result).includes('"lostEvents":11')); // our own join was the first
  receive({ kind: "credit", events: 1 });
  ask(-2, "broadcast", { name: "again", payload: Buffer.alloc(0) });
  ask(-3, "close", {});
  await until(() => finished);
  assert.equal(sent.filter(({ kind }) => kind === "event").length, maxEventsUnderWay + 1);
});

test("worker: questions of others reach the proxy's thread, and large answers come back over a stream", async (t) => {
  const asked: string[] = [];
  const large = Buffer.alloc(3 * 1_024 * 1_024, "rules");
  const { worker: answering } = await threaded(t, "answering", {
    onQuestion: ({ by, name, payload, from }) => {
      asked.push(`${by} ${name} ${Buffer.from(payload)} ${from}`);
      if (name === "refuse") throw new Error("not today");
      return by === "fetch" && name === "large" ? large : Buffer.from(payload);
    },
  });
  const { worker: asking } = await threaded(t, "asking");
  await asking.request("join", { addresses: [answering.address] });
  const fetched = (name: string, member = "answering") =>
    asking.request("fetch", { member, name, payload: Buffer.from("please"), timeoutMs: 5_000 });
  assert.ok(large.equals((await fetched("large")) ?? Buffer.alloc(0)));
  assert.equal(await fetched("refuse"), null);
  const echo = { name: "echo", payload: Buffer.from("hi"), timeoutMs: 600, members: ["answering"] };
  const answers = await asking.request("query", echo);
  assert.deepEqual(
    answers.map(({ from, payload }) => [from, Buffer.from(payload).toString()]),
    [["answering", "hi"]],
  );
  assert.deepEqual(asked, [
    "fetch large please asking",
    "fetch refuse please asking",
    "query echo hi asking",
  ]);
  await assert.rejects(fetched("large", "nobody"), {
    code: "not_found",
    message: 'gossip: expected the name of a live member, got "nobody"',
  });
  const tooLarge = {
    member: "answering",
    name: "x",
    payload: Buffer.alloc(9 * 1_024 * 1_024),
    timeoutMs: 100,
  };
  await assert.rejects(asking.request("fetch", tooLarge), { code: "bad_message" });
  const silent = await threaded(t, "silent", { onQuestion: () => new Promise(() => undefined) });
  await silent.worker.request("join", { addresses: [asking.address] });
  await assert.rejects(
    asking.request("fetch", { member: "silent", name: "x", payload: Buffer.alloc(0), timeoutMs: 200 }),
    { code: "connect_failed", message: "gossip: silent did not answer: no answer in time" },
  );
});

test("worker: closing waits for no thread that does not answer", async (t) => {
  const { worker } = await threaded(t, "hangs");
  const pending = worker.request("query", { name: "none", payload: Buffer.alloc(0), timeoutMs: 60_000 });
  const impatient = {
    ...systemClock,
    after: (_ms: number, fire: () => void) => systemClock.after(0, fire),
  };
  await Promise.all([assert.rejects(pending, { code: "aborted" }), worker.close(impatient)]);
});
