import assert from "node:assert/strict";
import { test } from "node:test";
import { EtcdKeys } from "../../../../src/control/rules/kv/etcd-keys.ts";

type Events = Parameters<EtcdKeys["change"]>[0];

const put = (key: string, value: string, revision: number) => ({
  type: "PUT",
  kv: { key: Buffer.from(key), value: Buffer.from(value), mod_revision: String(revision) },
});

const events = (...all: readonly object[]): Events => all as unknown as Events;

const valuesOf = (keys: EtcdKeys) =>
  Object.fromEntries(keys.view().keys.map(({ key, value }) => [key, value]));

test("etcd keys: a read that the watch has overtaken takes nothing back", () => {
  const read = { index: 5, keys: [{ key: "a", value: "1", index: 5 }] };
  const keys = new EtcdKeys(read);
  keys.change(events(put("a", "2", 6)));
  keys.begin(read, 5);
  assert.deepEqual(valuesOf(keys), { a: "2" });
  keys.change(events(put("b", "3", 7)));
  assert.deepEqual(valuesOf(keys), { a: "2", b: "3" });
  assert.equal(keys.view().index, 7);
});

test("etcd keys: events that a read has told already change nothing, later ones do", () => {
  const keys = new EtcdKeys({ index: 5, keys: [] });
  keys.begin({ index: 8, keys: [{ key: "a", value: "new", index: 8 }] }, 5);
  assert.equal(keys.change(events(put("a", "old", 7))), false);
  assert.equal(keys.change(events(put("b", "later", 9))), true);
  assert.deepEqual(valuesOf(keys), { a: "new", b: "later" });
});

test("etcd keys: a read of a history that begins anew takes the place of all that was known", () => {
  const keys = new EtcdKeys({ index: 90, keys: [{ key: "a", value: "1", index: 90 }] });
  keys.begin({ index: 3, keys: [{ key: "b", value: "2", index: 3 }] }, 90);
  assert.deepEqual(valuesOf(keys), { b: "2" });
  assert.equal(keys.view().index, 3);
});
