// Real sidecars in a mesh: what they know of each other, how one word stops every fault, and how they come and go.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { HostPort } from "../../src/core/address.ts";
import { type MeshSidecar, meshFolder, startMeshSidecar } from "../support/mesh-sidecars.ts";
import { understudy } from "../support/understudy-process.ts";
import { eventually, lacksSerf, startSerf } from "./serf-agent.ts";

const key = Buffer.alloc(32, 5).toString("base64");
const rules = `version: 1
rules:
  - name: slow
    matches: [{ path: /slow }]
    fault: { delay: 30s }
  - name: mock
    matches: [{ path: /mock }]
    respond: { status: 203, body: mocked }
`;

async function upstream(t: TestContext): Promise<HostPort> {
  const server = http.createServer((_request, response) => response.end("real")).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

async function get({ proxy }: MeshSidecar, to: HostPort, path: string): Promise<string> {
  const target = `http://${to.host}:${to.port}${path}`;
  const request = http.get({ host: proxy.host, port: proxy.port, path: target, agent: false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response) body += chunk;
  return `${response.statusCode} ${body}`;
}

test("mesh: one word stops every fault everywhere within a second, for late comers too", async (t) => {
  const folder = meshFolder(t);
  const to = await upstream(t);
  const flags = ["--rules", folder.file("rules.yaml", rules), "--gossip-key", folder.file("keys", key)];
  const a = await startMeshSidecar(t, "a", [...flags, "--service", "cart", "--zone", "z1"]);
  const others = await Promise.all(
    ["b", "c"].map((name) => startMeshSidecar(t, name, [...flags, "--join", a.gossip])),
  );
  const all = [a, ...others];
  for (const one of all)
    await eventually(
      `${one.name} knows all, with their rules`,
      async () => (await one.mesh()).members.filter(({ sidecar }) => sidecar?.faults === 1).length === 3,
    );
  const { members, encrypted } = await a.mesh();
  assert.equal(encrypted, true);
  assert.equal(new Set(members.map(({ sidecar }) => sidecar?.revision)).size, 1);
  const own = members.find(({ name }) => name === "a")?.sidecar;
  assert.deepEqual([own?.service, own?.zone, own?.state, own?.app], ["cart", "z1", "serving", null]);
  const status = await a.tell("mesh", "status");
  assert.equal(status.code, 0, status.stderr);
  assert.match(
    status.stdout,
    /^MEMBER +ADDRESS .*\na \* +127\.0\.0\.1:\d+ +alive +serving +cart +z1 .* 1: slow +2\d\d\d-/,
  );

  const suffering = all.map((one) => get(one, to, "/slow"));
  await Promise.all(
    all.map((one) =>
      eventually(`a call through ${one.name} is held`, async () =>
        (await metricsOf(one)).includes('connections_active{direction="outbound"} 1\n'),
      ),
    ),
  );
  const stopped = all[1]?.tell("faults", "stop") ?? assert.fail();
  const saidAt = await seenStopped(all[1] ?? a);
  assert.deepEqual(await Promise.all(suffering), ["200 real", "200 real", "200 real"]);
  const tookMs = performance.now() - saidAt;
  assert.ok(tookMs < 1_000, `faults ended ${tookMs} ms after the word`);
  assert.match(
    (await stopped).stdout,
    /^faults are stopped by .*; rules with faults: slow\n3 of 3 sidecars say so\n$/,
  );
  assert.equal(await get(a, to, "/slow"), "200 real");
  assert.equal(await get(a, to, "/mock"), "203 mocked");

  const late = await startMeshSidecar(t, "late", [...flags, "--join", a.gossip]);
  assert.equal(await get(late, to, "/slow"), "200 real");
  await eventually("the late comer says so", async () =>
    (await late.tell("faults", "status")).stdout.startsWith("faults are stopped"),
  );
  const resumed = await late.tell("faults", "resume", "--json");
  assert.equal(resumed.code, 0, resumed.stdout);
  assert.equal((JSON.parse(resumed.stdout) as { halted: boolean }).halted, false);
  assert.match(
    (await a.tell("faults", "status")).stdout,
    /^faults may happen; rules with faults: slow\n4 of 4/,
  );
  const metrics = await metricsOf(a);
  assert.match(metrics, /understudy_mesh_members\{status="alive"\} 4/);
  assert.match(metrics, /understudy_mesh_probes_total [1-9]/);
  assert.match(metrics, /understudy_faults_stopped 0/);
});

async function metricsOf({ admin }: MeshSidecar): Promise<string> {
  return fetch(`http://${admin.host}:${admin.port}/metrics`).then((answer) => answer.text());
}

/** When this sidecar has heard that faults are stopped, on the clock of this process. */
async function seenStopped({ process }: MeshSidecar): Promise<number> {
  await process.seen("stdout", '"msg":"faults stopped"');
  return performance.now();
}

test("mesh: who ends by SIGTERM has left, who is killed has failed", async (t) => {
  const a = await startMeshSidecar(t, "a", []);
  const [leaver, victim] = await Promise.all(
    ["leaver", "victim"].map((name) => startMeshSidecar(t, name, ["--join", a.gossip])),
  );
  for (const name of ["leaver", "victim"])
    await eventually(`${name} is alive`, async () => (await a.statusOf(name)) === "alive");
  leaver?.process.process.kill("SIGTERM");
  await eventually("the leaver has left", async () => (await a.statusOf("leaver")) === "left");
  assert.equal((await leaver?.process.finished)?.code, 0);
  assert.equal((await a.tell("mesh", "status")).code, 0);
  victim?.process.process.kill("SIGKILL");
  await eventually("the victim has failed", async () => (await a.statusOf("victim")) === "failed");
  const status = await a.tell("mesh", "status");
  assert.equal(status.code, 1);
  assert.match(status.stdout, /\nvictim +127\.0\.0\.1:\d+ +failed +- /);
});

test("mesh: a lone sidecar stops its faults as well, and is in no mesh", async (t) => {
  const folder = meshFolder(t);
  const to = await upstream(t);
  const alone = await startMeshSidecar(t, "alone", [
    "--rules",
    folder.file("rules.yaml", rules),
    "--gossip",
    "off",
  ]).catch(() => assert.fail("it did not start"));
  const call = get(alone, to, "/slow");
  const { code, stdout } = await alone.tell("faults", "stop");
  assert.deepEqual([code, stdout.split(" by ")[0]], [0, "faults are stopped"]);
  assert.equal(await call, "200 real");
  assert.deepEqual((await alone.tell("mesh", "status")).code, 69);
});

test("mesh: members of one label find each other whoever dials, and hear nobody of another or of none", async (t) => {
  const folder = meshFolder(t);
  for (const keys of [[], ["--gossip-key", folder.file("keys", key)]]) {
    const blue = [...keys, "--gossip-label", "blue"];
    const a = await startMeshSidecar(t, "a", blue);
    const b = await startMeshSidecar(t, "b", [...blue, "--join", a.gossip]);
    for (const one of [a, b])
      await eventually(`${one.name} knows both`, async () => (await one.mesh()).members.length === 2);
    const red = [...keys, "--gossip-label", "red", "--join", a.gossip];
    const [other, none] = await Promise.all([
      startMeshSidecar(t, "other", red),
      startMeshSidecar(t, "none", [...keys, "--join", a.gossip]),
    ]);
    // Ours dials them, too.
    const c = await startMeshSidecar(t, "c", [...blue, "--join", `${none.gossip},${other.gossip}`]);
    for (const one of [other, none, c])
      await eventually(`${one.name} is told why`, async () => (await one.mesh()).problem !== "");
    for (const [one, count] of [
      [a, 2],
      [b, 2],
      [c, 1],
      [other, 1],
      [none, 1],
    ] as const)
      assert.equal((await one.mesh()).members.length, count, one.name);
    assert.match(await metricsOf(a), /understudy_mesh_dropped_total\{reason="label"\} [1-9]/);
  }
});

test("mesh: what cannot work is refused with its reason", async (t) => {
  const folder = meshFolder(t);
  const start = (...flags: readonly string[]) =>
    understudy(["proxy", "--listen", "127.0.0.1:0", "--admin", "off", ...flags]);
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [["--gossip", "0.0.0.0:0"], /gossip: expected a key \(--gossip-key FILE\) or an address on loopback/],
    [["--join", "127.0.0.1:1"], /join: expected gossip too/],
    [["--gossip", "127.0.0.1:0", "--join", "store:"], /join: expected a store \(--store\) for "store:"/],
    [
      ["--gossip", "127.0.0.1:0", "--gossip-key", folder.file("open", key, 0o644)],
      /only its owner can read \(chmod 600\), got mode 644/,
    ],
    [
      ["--gossip", "127.0.0.1:0", "--gossip-key", folder.file("short", "AAAA")],
      /16, 24 or 32 bytes in base64 as key 1/,
    ],
    [
      ["--gossip", "127.0.0.1:0", "--gossip-key", "/nowhere/keys"],
      /gossipKey: expected a file that can be read/,
    ],
    [["--gossip", "192.0.2.1:0", "--gossip-plain"], /gossip: cannot listen on 192\.0\.2\.1:0/],
    [["--gossip", "127.0.0.1:0", "--gossip-label", ""], /--gossip-label: expected a label of at most 255/],
    [["--gossip", "127.0.0.1:0", "--gossip-label", "a b"], /--gossip-label: expected a label.* got "a b"/],
    [["--app-health", "ftp://x"], /--app-health: expected http:/],
  ];
  for (const [flags, message] of table) {
    const { code, stderr } = await start(...flags);
    assert.match(stderr, message);
    assert.equal(code, 78, flags.join(" "));
  }
});

test("mesh: a serf agent sees our tags, rotates our keys, and sees us leave", {
  skip: await lacksSerf(),
}, async (t) => {
  const folder = meshFolder(t);
  const keys = folder.file("keys", key);
  const agent = await startSerf(t, "agent", [`-encrypt=${key}`]);
  const flags = [
    "--gossip-key",
    keys,
    "--join",
    `127.0.0.1:${agent.port}`,
    "--service",
    "cart",
    "--zone",
    "z9",
  ];
  const ours = await startMeshSidecar(t, "ours", flags);
  const seen = async () => (await agent.members()).find(({ name }) => name === "ours");
  await eventually("the agent sees us", async () => (await seen())?.status === "alive");
  const { role, service, zone, state } = (await seen())?.tags ?? {};
  assert.deepEqual(
    { role, service, zone, state },
    { role: "understudy", service: "cart", zone: "z9", state: "serving" },
  );
  assert.equal((await ours.tell("mesh", "status")).code, 0);
  assert.match((await ours.tell("mesh", "status")).stdout, /\nagent |^agent /m);
  const fresh = Buffer.alloc(32, 6).toString("base64");
  await agent.ask("keys", `-install=${fresh}`);
  await agent.ask("keys", `-use=${fresh}`);
  await agent.ask("keys", `-remove=${key}`);
  await eventually(
    "the new key is kept",
    () => readFileSync(keys, "utf8") === `${JSON.stringify([fresh], null, 2)}\n`,
  );
  assert.equal(statSync(keys).mode & 0o777, 0o600);
  ours.process.process.kill("SIGTERM");
  await eventually("the agent saw us leave", async () => (await seen())?.status === "left");
});
