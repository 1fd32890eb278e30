// The mesh beside a store: members found through it, convergence told by the mesh, and a real Consul whose LAN pool we join.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { meshFolder, startMeshSidecar } from "../support/mesh-sidecars.ts";
import { eventually, lacks, type StoreCluster, startCluster } from "../support/store-servers.ts";
import { understudy } from "../support/understudy-process.ts";

const skip = lacks("consul");
const shared: Promise<StoreCluster> = skip ? new Promise(() => undefined) : startCluster("consul", 1);
after(async () => {
  if (!skip) await (await shared).close();
});

const rules = (status: number) =>
  `version: 1\nrules:\n  - { name: a, matches: [{ path: /a }], respond: { status: ${status} } }\n`;

test("mesh: members are found in the store, and the mesh tells when everybody has the rules", {
  skip,
}, async (t) => {
  const { url } = await shared;
  const folder = meshFolder(t);
  const flags = ["--store", url, "--state-dir", folder.path, "--join", "store:"];
  const sidecars = await Promise.all(["s1", "s2", "s3"].map((name) => startMeshSidecar(t, name, flags)));
  const [first = assert.fail()] = sidecars;
  await eventually("all three are in one mesh", async () => {
    const { members } = await first.mesh();
    return members.filter(({ status }) => status === "alive").length === 3;
  });
  const admin = `${first.admin.host}:${first.admin.port}`;
  const words = [
    "rules",
    "apply",
    folder.file("one.yaml", rules(201)),
    "--store",
    url,
    "--wait",
    "--timeout",
    "20s",
  ];
  const applied = await understudy([...words, "--admin", admin, "--json"]);
  assert.equal(applied.code, 0, applied.stderr);
  const told = JSON.parse(applied.stdout.trim().split("\n").at(-1) ?? "") as {
    sidecars: { done: number; total: number };
  };
  assert.deepEqual([told.sidecars.done, told.sidecars.total], [3, 3]);
  const { members } = await first.mesh();
  assert.equal(new Set(members.map(({ sidecar }) => sidecar?.revision)).size, 1);
  assert.ok(members.every(({ sidecar }) => (sidecar?.index ?? 0) > 0));
  // Without the mesh's word the store is asked.
  const again = await understudy([
    ...["rules", "apply", folder.file("two.yaml", rules(202)), "--store", url, "--wait"],
    ...["--admin", "127.0.0.1:1"],
  ]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(
    again.stderr,
    /no mesh answers at 127\.0\.0\.1:1: asking the store who lives\n[\s\S]*3\/3 sidecars/,
  );
});

test("mesh: in the LAN pool of Consul our members are alive, failed and left", { skip }, async (t) => {
  const [server = assert.fail()] = (await shared).servers;
  const flags = ["--join", `127.0.0.1:${server.serfPort}`, "--service", "cart"];
  const [leaver = assert.fail(), victim = assert.fail()] = await Promise.all(
    ["leaver", "victim"].map((name) => startMeshSidecar(t, name, flags)),
  );
  const seen = async (name: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/v1/agent/members`);
    const members = (await answer.json()) as { Name: string; Status: number; Tags: Record<string, string> }[];
    return members.find((member) => member.Name === name);
  };
  // Serf's numbers: 1 alive, 3 left, 4 failed.
  for (const { name } of [leaver, victim])
    await eventually(`Consul sees ${name}`, async () => (await seen(name))?.Status === 1);
  assert.equal((await seen("leaver"))?.Tags.service, "cart");
  await eventually("our members see each other and the server", async () => {
    const { members } = await leaver.mesh();
    return members.filter(({ status }) => status === "alive").length === 3;
  });
  leaver.process.process.kill("SIGTERM");
  await eventually("the leaver has left", async () => (await seen("leaver"))?.Status === 3);
  victim.process.process.kill("SIGKILL");
  await eventually("the victim has failed", async () => (await seen("victim"))?.Status === 4);
});
