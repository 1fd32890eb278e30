// As many rules as the stores are said to take, through real servers: written, followed, changed by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { everyone } from "../../../../src/control/rules/registry/keys.ts";
import { Registry } from "../../../../src/control/rules/registry/registry.ts";
import { storeSource } from "../../../../src/control/rules/sources/store-source.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { systemRandom } from "../../../../src/core/random.ts";
import { lacks, startCluster } from "../../../support/store-servers.ts";

const never = new AbortController().signal;
const count = 5_000;

function rules(changed: string) {
  return Array.from({ length: count }, (_, index) => {
    const name = `a-rule-of-shop-${index}`;
    const body = index === 0 ? changed : "x".repeat(200);
    return { name, text: JSON.stringify({ name, matches: [{ host: `h${index}.shop` }], respond: { body } }) };
  });
}

for (const kind of ["consul", "etcd"] as const)
  test(`${kind}: ${count} rules are taken whole, and so is a change of one`, {
    skip: lacks(kind),
    timeout: 60_000,
  }, async (context) => {
    const cluster = await startCluster(kind, 1);
    context.after(() => cluster.close());
    const [writing, reading] = [await cluster.client(), await cluster.client()];
    const prefix = "understudy/rules/";
    let ids = 0;
    const registry = new Registry(
      { store: writing, prefix, audience: everyone, keepVersions: 2, author: "a" },
      { wall: () => 1, newId: () => `id${++ids}` },
    );
    const stop = new AbortController();
    const belonging = { service: null, namespace: null };
    const tap = { observe: () => undefined };
    const source = storeSource(
      { store: reading, prefix, belonging, lastGood: null },
      { clock: systemClock, random: systemRandom, tap },
    );
    const snapshots = source.watch(stop.signal)[Symbol.asyncIterator]();
    context.after(async () => {
      stop.abort();
      await snapshots.return?.();
      writing.close();
      reading.close();
    });
    const next = async () => (await snapshots.next()).value;
    assert.deepEqual((await next()).rules, []);
    for (const changed of ["first", "second"]) {
      await registry.put(rules(changed), "apply", await registry.state(never), never);
      const { rules: taken, problems } = await next();
      assert.deepEqual(problems, []);
      assert.equal(taken.length, count);
      assert.match(JSON.stringify(taken[0].respond), new RegExp(changed));
    }
  });
