// Our members in a pool of real agents: what the agents say of us, and what we say of them.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Mesh, MeshEvent } from "../../src/control/mesh/mesh.ts";
import { openMesh } from "../../src/control/mesh/open-mesh.ts";
import { lanTiming } from "../../src/control/mesh/swim/timing.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { eventually, lacksSerf, type SerfAgent, startSerf } from "./serf-agent.ts";

const skip = await lacksSerf();
const keyA = Buffer.from("000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f", "hex");
const keyB = Buffer.alloc(32, 7);

interface Ours {
  readonly mesh: Mesh;
  readonly events: MeshEvent[];
}

async function ours(t: TestContext, name: string, keys: readonly Uint8Array[] = []): Promise<Ours> {
  const events: MeshEvent[] = [];
  const mesh = await openMesh(
    {
      name,
      tags: new Map([["role", "sidecar"]]),
      keys,
      timing: lanTiming,
      bind: { host: "127.0.0.1", port: 0 },
    },
    {
      clock: systemClock,
      random: systemRandom,
      onEvent: (event) => events.push(event),
      answers: { query: ({ name: query, payload }, respond) => query === "echo" && respond(payload) },
    },
  );
  t.after(() => mesh.close());
  return { mesh, events };
}

const statusAt = async (agent: SerfAgent, name: string) =>
  (await agent.members()).find((member) => member.name === name)?.status;
const statusOf = (mesh: Mesh, name: string) => mesh.members().find((member) => member.name === name)?.status;
const atPort = (port: number) => [{ host: "127.0.0.1", port }];

for (const [kind, keys] of [
  ["plain", []],
  ["encrypted", [keyA]],
] as const) {
  const flags = keys.map((key) => `-encrypt=${key.toString("base64")}`);

  test(`serf, ${kind}: joined both ways, seen alive with tags, told events, left cleanly`, {
    skip,
  }, async (t) => {
    const [s1, s2] = await Promise.all([startSerf(t, "s1", flags), startSerf(t, "s2", flags)]);
    const { mesh, events } = await ours(t, "js1", keys);
    assert.deepEqual(
      (await mesh.join(atPort(s1.port))).map(({ problem }) => problem),
      [null],
    );
    await s2.ask("join", `127.0.0.1:${mesh.address.port}`); // it knows of us alone, and meets s1 through us
    for (const agent of [s1, s2])
      await eventually(
        `${agent.name} sees three`,
        async () => (await agent.members()).length === 3,
        agent.log,
      );
    await eventually("the pool has taken us in", () => mesh.confirmed);

    mesh.setTags(
      new Map([
        ["role", "sidecar"],
        ["revision", "7"],
      ]),
    );
    await eventually("tags are seen", async () =>
      (await s2.members()).some(({ name, tags }) => name === "js1" && tags.revision === "7"),
    );
    await s1.ask("event", "deploy", "v42");
    await eventually("their event arrives", () =>
      events.some(
        ({ kind, ...rest }) =>
          kind === "broadcast" && "broadcast" in rest && rest.broadcast.name === "deploy",
      ),
    );
    mesh.broadcast("from-us", Buffer.from("hello"));
    await eventually("our event arrives", () => /user-event: from-us/.test(s2.log()), s2.log);
    assert.match(await s1.ask("query", "echo", "polly"), /Response from 'js1': polly/);
    assert.match(await s1.ask("reachability"), /Successfully contacted all live nodes/);

    await mesh.leave();
    for (const agent of [s1, s2])
      await eventually(
        `${agent.name} sees us left`,
        async () => (await statusAt(agent, "js1")) === "left",
        agent.log,
      );
    // Of the agent's own command line: a client of ours that has its answer hangs up.
    assert.doesNotMatch(s1.log() + s2.log(), /EventMemberFailed|\[ERR\] (?!agent\.ipc)/);
    assert.deepEqual(mesh.counters().dropped, {});
  });
}

test("serf: who is killed is failed, whether ours or theirs; who leaves has left", { skip }, async (t) => {
  const [s1, s2, s3] = await Promise.all(["s1", "s2", "s3"].map((name) => startSerf(t, name)));
  assert.ok(s1 && s2 && s3);
  const [a, b] = await Promise.all([ours(t, "js1"), ours(t, "js2")]);
  for (const { mesh } of [a, b])
    await mesh.join([...atPort(s1.port), ...atPort(s2.port), ...atPort(s3.port)]);
  await eventually("all are known", () => a.mesh.members().length === 5 && b.mesh.members().length === 5);
  // An agent that has never heard of a member does not note its end either.
  await eventually(
    "the agent knows all",
    async () => {
      const statuses = await Promise.all(["s2", "s3", "js1", "js2"].map((name) => statusAt(s1, name)));
      return statuses.every((status) => status === "alive");
    },
    s1.log,
  );
  await s3.ask("leave");
  s2.process.kill("SIGKILL");
  await b.mesh.close(); // without a word
  await eventually("s3 has left", () => statusOf(a.mesh, "s3") === "left");
  await eventually("s2 has failed", () => statusOf(a.mesh, "s2") === "failed");
  await eventually("js2 has failed", () => statusOf(a.mesh, "js2") === "failed");
  await eventually(
    "the agent agrees",
    async () => {
      const [dead, ourDead, left] = await Promise.all(["s2", "js2", "s3"].map((name) => statusAt(s1, name)));
      return dead === "failed" && ourDead === "failed" && left === "left";
    },
    s1.log,
  );
  assert.equal(await statusAt(s1, "js1"), "alive");
});

test("serf: keys are rotated from either side while nobody is lost", { skip }, async (t) => {
  const s1 = await startSerf(t, "s1", [`-encrypt=${keyA.toString("base64")}`]);
  const { mesh } = await ours(t, "js1", [keyA]);
  await mesh.join(atPort(s1.port));
  await eventually("taken in", () => mesh.confirmed);
  const allOk = async (operation: "install-key" | "use-key" | "remove-key", key: Uint8Array) => {
    const answers = await mesh.keys(operation, key, 2_000);
    assert.deepEqual(answers.map(({ from, ok }) => [from, ok]).sort(), [
      ["js1", true],
      ["s1", true],
    ]);
  };
  await allOk("install-key", keyB);
  await s1.ask("keys", `-use=${keyB.toString("base64")}`);
  await allOk("remove-key", keyA);
  const listed = await mesh.keys("list-keys", null, 2_000);
  assert.deepEqual(
    listed.map(({ keys, primaryKey }) => [keys, primaryKey]),
    [
      [[keyB.toString("base64")], keyB.toString("base64")],
      [[keyB.toString("base64")], keyB.toString("base64")],
    ],
  );
  assert.equal(await statusAt(s1, "js1"), "alive");
  assert.equal(
    (await mesh.keys("remove-key", keyB, 1_000)).some(({ ok }) => ok),
    false,
  );
});

test("serf: strangers without the key, or with another one, stay outside and are counted", {
  skip,
}, async (t) => {
  const s1 = await startSerf(t, "s1", [`-encrypt=${keyA.toString("base64")}`]);
  const inside = await ours(t, "js1", [keyA]);
  await inside.mesh.join(atPort(s1.port));
  for (const keys of [[], [keyB]]) {
    const stranger = await ours(t, `stranger${keys.length}`, keys);
    const [toAgent, toUs] = await stranger.mesh.join([
      ...atPort(s1.port),
      ...atPort(inside.mesh.address.port),
    ]);
    assert.ok(toAgent?.problem);
    assert.ok(toUs?.problem);
  }
  assert.equal(inside.mesh.counters().dropped.undecryptable, 2);
  assert.equal(inside.mesh.members().length, 2);
});
