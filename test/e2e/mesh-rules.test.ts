// Rules from another sidecar while the store is away: one that missed the newest while it was down gets them from one that has
// them, and the store has the last word once it is back.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { meshFolder, startMeshSidecar } from "../support/mesh-sidecars.ts";
import { eventually, lacks, startCluster } from "../support/store-servers.ts";
import { understudy } from "../support/understudy-process.ts";

const rules = (body: string) => `version: 1\nrules:\n  - { name: a, respond: { body: ${body} } }\n`;

test("mesh: rules that were missed come from another sidecar while the store is away", {
  skip: lacks("etcd"),
  timeout: 90_000,
}, async (t) => {
  const cluster = await startCluster("etcd", 1);
  t.after(() => cluster.close());
  const folder = meshFolder(t);
  const key = folder.file("key", `${randomBytes(32).toString("base64")}\n`);
  const flags = (name: string) => ["--store", cluster.url, "--state-dir", `${folder.path}/${name}`];
  const apply = async (text: string) => {
    const done = await understudy(["rules", "apply", folder.file("r.yaml", text), "--store", cluster.url]);
    assert.equal(done.code, 0, done.stderr);
  };
  const answers = async (sidecar: { readonly proxy: { readonly port: number } }, text: string) => {
    await eventually(`it answers ${text}`, async () => {
      const response = await fetch(`http://127.0.0.1:${sidecar.proxy.port}/`).catch(() => null);
      return (await response?.text()) === text;
    });
  };
  await apply(rules("old"));
  const first = await startMeshSidecar(t, "first", [...flags("first"), "--gossip-key", key]);
  const second = await startMeshSidecar(t, "second", flags("second"));
  await answers(first, "old");
  await answers(second, "old");
  second.process.process.kill("SIGTERM");
  await second.process.finished;
  await apply(rules("new"));
  await answers(first, "new");
  await cluster.servers[0]?.kill();

  const again = await startMeshSidecar(t, "again", [
    ...flags("second"),
    ...["--gossip-key", key, "--join", first.gossip],
  ]);
  await answers(again, "new");
  cluster.servers[0]?.start();
  await cluster.ready();
  await apply(rules("newest"));
  await answers(first, "newest");
  await answers(again, "newest");
});
