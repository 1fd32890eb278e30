// Five sidecars, each in a network of its own, on cables that lose a fifth of all packets, with a store on the switch. They
// stay alive to each other, and rules reach all; cut into two and three, each half sees the other fail, serves on, and stops
// its faults at a word; healed, all are alive, stopped and of the newest rules again.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type MeshAnswer, readFaultsAnswer, readMeshAnswer } from "../../src/commands/mesh-answer.ts";
import { meshFolder } from "../support/mesh-sidecars.ts";
import { type Network, noSwitch, openSwitch, type Switch } from "../support/networks.ts";
import { eventually, lacks, programs } from "../support/store-servers.ts";
import { startTraffic, type Traffic } from "../support/traffic.ts";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
const ports = { upstream: 8_000, sidecar: 8_001, admin: 8_002, gossip: 7_946, store: 2_379 };
const lossPercent = 20;
const halves = [
  [0, 1],
  [2, 3, 4],
] as const;
const everybody = halves.flat();
/** Rounds of probes through which nobody may be taken for dead: each member's own count. */
const probes = 10;
const boundsMs = { rules: 30_000, failed: 60_000, stop: 10_000, healed: 60_000 };

interface Member {
  readonly name: string;
  readonly traffic: Traffic;
  mesh(): Promise<MeshAnswer>;
  /** What its metrics say; 0 where they do not have that line. */
  metric(line: RegExp): Promise<number>;
  halted(): Promise<boolean>;
  /** What a mock answers, which is told by the newest rules in force. */
  mocked(): string;
}

test(`lossy mesh: five networks at ${lossPercent} % loss, a partition and its healing`, {
  skip: noSwitch || lacks("etcd"),
  timeout: 240_000,
}, async (t) => {
  const field = await openField(t);
  const { members, net, apply } = field;
  const at = (indices: readonly number[]) => indices.map((index) => members[index] ?? assert.fail());
  const [pair, three] = [at(halves[0]), at(halves[1])];

  await within(boundsMs.rules, "all have the first rules", () =>
    all(members, (one) => one.mocked() === "round 1"),
  );
  net.lose(lossPercent); // not before: without any rules yet, a sidecar insists on a store that answers soon
  await within(boundsMs.rules, "all see all alive", () => all(members, (one) => sees(one, members, "alive")));
  const born = await Promise.all(members.map(livesOf));
  apply(2);
  await within(boundsMs.rules, "round 2 is everywhere", () =>
    all(members, (one) => one.mocked() === "round 2"),
  );
  const probed = await Promise.all(members.map(probesOf));
  await within(boundsMs.rules, `all have probed ${probes} times`, () =>
    all(members, async (one, index) => (await probesOf(one)) >= (probed[index] ?? 0) + probes),
  );
  assert.deepEqual(await Promise.all(members.map(livesOf)), born, "somebody was taken for dead");
  assert.ok(net.lost() > 100, `${net.lost()} packets were lost`);

  net.cut(halves[0]);
  await within(boundsMs.failed, "the two see the three failed", () =>
    all(pair, (one) => sees(one, three, "failed")),
  );
  await within(boundsMs.failed, "the three see the two failed", () =>
    all(three, (one) => sees(one, pair, "failed")),
  );
  for (const half of [pair, three])
    await within(boundsMs.failed, "a half is whole", () => all(half, (one) => sees(one, half, "alive")));
  apply(3);
  await within(boundsMs.rules, "round 3 is where the store is", () =>
    all(three, (one) => one.mocked() === "round 3"),
  );

  const [far = assert.fail(), sayer = assert.fail(), near = assert.fail()] = [...pair, ...three].slice(1);
  const suffering = near.traffic.ask("GET", `http://127.0.0.1:${ports.sidecar}/slow`);
  // One connection is the traffic's own.
  const open = /^understudy_connections_active\{direction="outbound"\} (\d+)$/m;
  await within(boundsMs.rules, "a call suffers", async () => (await near.metric(open)) === 2);
  const stopped = await sayer.traffic.ask("POST", `http://127.0.0.1:${ports.admin}/faults/stop?by=test`);
  assert.equal(stopped.status, 200, stopped.body);
  await within(boundsMs.stop, "the word reaches the three", () => all(three, (one) => one.halted()));
  assert.deepEqual((await suffering).body, "real", "the fault under way has ended");
  assert.equal(await far.halted(), false, "nothing passes the cut");
  assert.deepEqual(
    pair.map((one) => one.mocked()),
    ["round 2", "round 2"],
  );

  net.heal();
  await within(boundsMs.healed, "all see all alive again", () =>
    all(members, (one) => sees(one, members, "alive")),
  );
  await within(boundsMs.healed, "round 3 is everywhere", () =>
    all(members, (one) => one.mocked() === "round 3"),
  );
  await within(boundsMs.healed, "faults are stopped everywhere", () => all(members, (one) => one.halted()));
  for (const { name, traffic } of members) {
    const { calls, lost } = await traffic.end();
    assert.deepEqual([name, lost], [name, []]);
    assert.ok(calls > 500, `${calls} calls of ${name}`);
    assert.deepEqual(traffic.bodies("/relayed"), ["real"]);
    const rounds = traffic.bodies("/mocked").filter((body) => body !== "real");
    assert.deepEqual(rounds, ["round 1", "round 2", "round 3"], `${name} went back`);
  }
});

async function openField(t: TestContext) {
  const folder = meshFolder(t);
  const net = await openSwitch(everybody.length);
  t.after(() => net.close());
  const store = startEtcd(net, join(folder.path, "etcd"));
  const apply = (round: number) => {
    const rules = [
      { name: "round", matches: [{ path: "/mocked" }], respond: { body: `round ${round}` } },
      { name: "slow", matches: [{ path: "/slow" }], fault: { delay: "40s" } },
    ];
    const file = folder.file("rules.json", JSON.stringify({ version: 1, rules }));
    net.hub.run(process.execPath, program, "rules", "apply", file, "--store", store);
  };
  await eventually("the store takes rules", () => succeeds(() => apply(1)));
  const key = folder.file("key", `${randomBytes(32).toString("base64")}\n`);
  const members: Member[] = [];
  for (const [index, network] of net.networks.entries()) {
    const traffic = startTraffic(network, ports, ["/relayed", "/mocked"]);
    await startSidecar(network, [
      ...["--gossip", `${net.addresses[index]}:${ports.gossip}`, "--gossip-key", key, "--name", `s${index}`],
      ...(index === 0 ? [] : ["--join", `${net.addresses[0]}:${ports.gossip}`]),
      ...["--store", store, "--state-dir", join(folder.path, `s${index}`)],
    ]);
    members.push(memberOf(`s${index}`, traffic));
  }
  return { net, members, apply };
}

function startEtcd(net: Switch, data: string): string {
  const url = `http://${net.hubAddress}:${ports.store}`;
  const etcd = net.hub.start(
    ...[programs.etcd, "--data-dir", data, "--log-level", "error", "--logger", "zap"],
    ...["--listen-client-urls", url, "--advertise-client-urls", url],
  );
  etcd.stdout?.resume();
  etcd.stderr?.resume();
  return `etcd://${net.hubAddress}:${ports.store}`;
}

/** Resolves once it serves. */
function startSidecar(network: Network, flags: readonly string[]): Promise<void> {
  const sidecar = network.start(
    ...[process.execPath, program, "proxy", "--json", "--admin", `127.0.0.1:${ports.admin}`],
    ...["--listen", `127.0.0.1:${ports.sidecar}`, "--to", `127.0.0.1:${ports.upstream}`, ...flags],
  );
  let text = "";
  return new Promise((resolve, reject) => {
    for (const stream of [sidecar.stdout, sidecar.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        text = (text + chunk).slice(-10_000);
        if (/"msg":"started"/.test(text)) resolve();
      });
    sidecar.once("exit", () => reject(new Error(`ended too early: ${text}`)));
  });
}

function memberOf(name: string, traffic: Traffic): Member {
  const admin = async (path: string) => {
    const { status, body } = await traffic.ask("GET", `http://127.0.0.1:${ports.admin}${path}`);
    if (status !== 200) throw new Error(`${name}: ${status} ${body}`);
    return body;
  };
  const mesh = async () => readMeshAnswer(JSON.parse(await admin("/mesh")));
  return {
    ...{ name, traffic, mesh },
    metric: async (line) => Number(line.exec(await admin("/metrics"))?.[1] ?? 0),
    halted: async () => readFaultsAnswer(JSON.parse(await admin("/faults"))).halted,
    mocked: () => traffic.bodies("/mocked").at(-1) ?? "",
  };
}

async function sees(one: Member, others: readonly Member[], status: string): Promise<boolean> {
  const { members } = await one.mesh();
  return others.every(({ name }) => members.some((known) => known.name === name && known.status === status));
}

/** Since when each is what it is, by name: other where somebody was dead in between. */
async function livesOf(one: Member): Promise<unknown> {
  return (await one.mesh()).members.map(({ name, status, since }) => [name, status, since]).sort();
}

/** How often it has asked others so far whether they live. */
async function probesOf(one: Member): Promise<number> {
  await one.mesh(); // the metrics have what was known then
  return one.metric(/^understudy_mesh_probes_total (\d+)$/m);
}

async function all(
  members: readonly Member[],
  holds: (one: Member, index: number) => boolean | Promise<boolean>,
): Promise<boolean> {
  return (await Promise.all(members.map(holds))).every((held) => held);
}

/** Looks again and again; what it throws counts as no. */
async function within(mostMs: number, what: string, look: () => Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + mostMs;
  while (!(await look().catch(() => false))) {
    if (performance.now() > endsAt) throw new Error(`not within ${mostMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
