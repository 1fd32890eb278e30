// The promises of a key-value store, kept by real Consul and etcd servers.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Change, KeyView } from "../../../../src/control/rules/kv/key-value-store.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import {
  compactEtcd,
  eventually,
  lacks,
  type StoreCluster,
  startCluster,
} from "../../../support/store-servers.ts";

const never = new AbortController().signal;
const slowly = () => 60_000;
const textOf = (pairs: readonly (readonly [string, string])[]) =>
  JSON.stringify(Object.fromEntries([...pairs].sort(([a], [b]) => (a < b ? -1 : 1))));

for (const kind of ["consul", "etcd"] as const) {
  const skip = lacks(kind);
  const cluster: Promise<StoreCluster> = skip ? new Promise(() => undefined) : startCluster(kind, 1);
  after(async () => {
    if (!skip) await (await cluster).close();
  });

  test(`${kind}: a commit is all or nothing, and a check that fails writes nothing`, {
    skip,
  }, async (context) => {
    const store = await (await cluster).client();
    context.after(() => store.close());
    const put = (key: string, value: string) => ({ put: `c/${key}`, value });
    const first = await store.commit([{ key: "c/a", index: 0 }], [put("a", "1"), put("b", "ü\n")], never);
    assert.ok(first.kind === "done" && first.index > 0);
    const again = await store.commit([{ key: "c/a", index: 0 }], [put("a", "2"), put("z", "2")], never);
    assert.deepEqual(again, { kind: "conflict" });
    const view = await store.read("c/", never);
    assert.deepEqual(
      view.keys.map(({ key, value }) => [key, value]),
      [
        ["c/a", "1"],
        ["c/b", "ü\n"],
      ],
    );
    assert.deepEqual(
      view.keys.map(({ index }) => index),
      [first.index, first.index],
    );
    const index = view.keys[0]?.index ?? 0;
    const swap = await store.commit([{ key: "c/a", index }], [put("a", "3"), { remove: "c/b" }], never);
    assert.ok(swap.kind === "done" && swap.index > first.index);
    assert.deepEqual(
      (await store.read("c/", never)).keys.map(({ key, value }) => key + value),
      ["c/a3"],
    );
  });

  test(`${kind}: a commit takes as many operations as the store says`, { skip }, async (context) => {
    const store = await (await cluster).client();
    context.after(() => store.close());
    const changes = Array.from({ length: store.maxOperations }, (_, index) => ({
      put: `many/${index}`,
      value: "x",
    }));
    assert.equal((await store.commit([], changes, never)).kind, "done");
    const large = [{ put: "many/large", value: "y".repeat(store.maxCommitBytes) }];
    assert.equal((await store.commit([], large, never)).kind, "done");
    assert.equal((await store.read("many/", never)).keys.length, store.maxOperations + 1);
  });

  test(`${kind}: views follow every change, and none is of two moments`, { skip }, async (context) => {
    const store = await (await cluster).client();
    const stop = new AbortController();
    context.after(() => store.close());
    const views = store.views("v/", stop.signal, slowly)[Symbol.asyncIterator]();
    const next = async (): Promise<KeyView> => (await views.next()).value;
    assert.deepEqual((await next()).keys, []);
    const writer = (async () => {
      for (let round = 1; round <= 25; round++) {
        const value = String(round);
        await store.commit(
          [],
          [
            { put: "v/a", value },
            { put: "v/b", value },
            { put: "v/c", value },
          ],
          never,
        );
      }
    })();
    let last = 0;
    let index = 0;
    while (last < 25) {
      const view = await next();
      const values = new Set(view.keys.map(({ value }) => value));
      assert.ok(values.size <= 1, `two moments: ${[...values].join()}`);
      const seen = Number([...values][0] ?? 0);
      assert.ok(seen >= last && view.index >= index, "went back");
      [last, index] = [seen, view.index];
    }
    await writer;
    const pending = views.next();
    stop.abort(new Error("enough"));
    await assert.rejects(pending, /enough/);
  });

  test(`${kind}: each view is what the store held at some moment, in order, whatever came and went`, {
    skip,
  }, async (context) => {
    const store = await (await cluster).client();
    const stop = new AbortController();
    context.after(() => store.close());
    const random = seededRandom(5);
    const held = new Map<string, string>();
    const moments = ["{}"];
    const writer = (async () => {
      for (let round = 0; round < 60; round++) {
        const changes = ["a", "b", "c", "d"].flatMap((name): Change[] => {
          const roll = random.next();
          if (roll < 0.4) return [{ put: `m/${name}`, value: String(round) }];
          return roll < 0.6 && held.has(`m/${name}`) ? [{ remove: `m/${name}` }] : [];
        });
        for (const change of changes)
          if ("put" in change) held.set(change.put, change.value);
          else held.delete(change.remove);
        moments.push(textOf([...held]));
        if (changes.length > 0) await store.commit([], changes, never);
      }
    })();
    let at = 0;
    for await (const { keys } of store.views("m/", stop.signal, () => 40)) {
      const text = textOf(keys.map(({ key, value }) => [key, value]));
      const found = moments.indexOf(text, at);
      assert.notEqual(found, -1, `never held after ${moments[at]}: ${text}`);
      at = found;
      if (moments.length === 61 && text === moments.at(-1)) break;
    }
    await writer;
  });

  test(`${kind}: a view comes now and then without a change, as a sign of life`, {
    skip,
  }, async (context) => {
    const store = await (await cluster).client();
    const stop = new AbortController();
    context.after(() => store.close());
    let views = 0;
    for await (const view of store.views("calm/", stop.signal, () => 100)) {
      assert.deepEqual(view.keys, []);
      if (++views === 3) break;
    }
    assert.equal(views, 3);
  });

  test(`${kind}: keys under a lease live while it is renewed, and go with it`, { skip }, async (context) => {
    const store = await (await cluster).client();
    context.after(() => store.close());
    const lease = await store.lease(store.minLeaseMs, never);
    assert.ok(lease.ttlMs <= store.minLeaseMs);
    await store.commit(
      [],
      [
        { put: "l/a", value: "1", lease: lease.id },
        { put: "l/b", value: "1", lease: lease.id },
      ],
      never,
    );
    await store.commit([], [{ put: "l/a", value: "2", lease: lease.id }], never);
    assert.equal(await lease.renew(never), true);
    assert.deepEqual(
      (await store.read("l/", never)).keys.map(({ value }) => value),
      ["2", "1"],
    );
    await lease.end(never);
    assert.deepEqual((await store.read("l/", never)).keys, []);
    assert.equal(await lease.renew(never), false);
  });

  test(`${kind}: nobody there is told within the deadline, by name and without secrets`, {
    skip,
  }, async (context) => {
    const dead = await startCluster(kind, 1);
    context.after(() => dead.close());
    await dead.servers[0]?.kill();
    const store = await dead.client({
      token: { from: "text", text: "s3cret" },
      user: "alice",
      password: { from: "text", text: "s3cret" },
    });
    context.after(() => store.close());
    await assert.rejects(store.read("x/", never), (thrown: Error & { code?: string }) => {
      assert.equal(thrown.code, "store_unavailable");
      assert.match(thrown.message, new RegExp(`^${kind}://127\\.0\\.0\\.1:`));
      assert.doesNotMatch(thrown.message, /s3cret/);
      return true;
    });
    await assert.rejects(
      async () => {
        for await (const _ of store.views("x/", never, slowly)) assert.fail("a view from nobody");
      },
      { code: "store_unavailable" },
    );
  });

  test(`${kind}: a paused server is given up, and asked again once it goes on`, { skip }, async (context) => {
    const paused = await startCluster(kind, 1);
    context.after(() => paused.close());
    const store = await paused.client();
    context.after(() => store.close());
    await paused.servers[0]?.pause();
    const began = performance.now();
    await assert.rejects(store.commit([], [{ put: "p/a", value: "1" }], never), {
      code: "store_unavailable",
    });
    assert.ok(performance.now() - began < 6_000);
    paused.servers[0]?.resume();
    await eventually("it answers again", () =>
      store.read("p/", never).then(
        () => true,
        () => false,
      ),
    );
  });
}

test("etcd: compaction below a watch changes nothing", { skip: lacks("etcd") }, async (context) => {
  const cluster = await startCluster("etcd", 1);
  context.after(() => cluster.close());
  const [server = assert.fail()] = cluster.servers;
  const store = await cluster.client();
  context.after(() => store.close());
  const stop = new AbortController();
  const views = store.views("k/", stop.signal, slowly)[Symbol.asyncIterator]();
  const seen = async (expected: string) => {
    for (;;) {
      const { value } = await views.next();
      if (value.keys[0]?.value === expected) return;
    }
  };
  await views.next();
  await store.commit([], [{ put: "k/a", value: "first" }], never);
  await seen("first"); // so the watch stands, and is not behind what is compacted
  for (let round = 0; round < 5; round++)
    await store.commit([], [{ put: "k/a", value: String(round) }], never);
  compactEtcd(server.port);
  await store.commit([], [{ put: "k/a", value: "last" }], never);
  await seen("last");
  stop.abort();
  await views.return?.();
});
