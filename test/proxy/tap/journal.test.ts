// The journal: what it keeps, what it cuts, what it finds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createJournal } from "../../../src/proxy/tap/journal.ts";
import { call, connectionEvent, opaque } from "./events.ts";

test("journal: gives the newest first and forgets the oldest", () => {
  const journal = createJournal(3);
  for (const path of ["/1", "/2", "/3", "/4", "/5"]) journal.observe(call({ path }));
  assert.deepEqual(
    journal.entries().map(({ id, path }) => [id, path]),
    [
      [5, "/5"],
      [4, "/4"],
      [3, "/3"],
    ],
  );
});

test("journal: a call is recorded whole", () => {
  const journal = createJournal(3);
  journal.observe(call({ rule: "slow", flags: ["DI"], detail: "remark" }));
  assert.deepEqual(journal.entries(), [
    {
      id: 1,
      kind: "call",
      startedAtMs: Date.parse("2026-01-01T00:00:00Z"),
      durationMs: 3,
      connectionId: "c1",
      direction: "outbound",
      protocol: "http/1",
      method: "GET",
      authority: "inventory.shop",
      path: "/items",
      upstream: "10.0.0.7:8080",
      status: 200,
      rule: "slow",
      outcome: "relayed",
      flags: ["DI"],
      detail: "remark",
      requestBytes: 100,
      responseBytes: 400,
      cut: [],
    },
  ]);
});

test("journal: opaque connections are calls without a method; what is no call is not recorded", () => {
  const journal = createJournal(3);
  journal.observe(opaque({ flags: ["UC"] }));
  journal.observe(connectionEvent("connection-opened"));
  const [record, ...others] = journal.entries();
  assert.equal(others.length, 0);
  assert.deepEqual(
    [record?.kind, record?.protocol, record?.authority, record?.upstream, record?.method, record?.flags],
    ["opaque", "tls", "api.shop", "10.0.0.9:443", "", ["UC"]],
  );
  assert.equal(record?.responseBytes, 1_572_864);
});

test("journal: long texts are cut and the record names them", () => {
  const journal = createJournal(3);
  journal.observe(call({ path: `/${"x".repeat(50_000)}`, authority: "a".repeat(1_024) }));
  const [record] = journal.entries();
  assert.equal(record?.path.length, 1_024);
  assert.equal(record?.authority.length, 1_024);
  assert.deepEqual(record?.cut, ["path"]);
});

test("journal: conditions of a filter must all hold", () => {
  const journal = createJournal(50);
  journal.observe(call());
  journal.observe(call({ rule: "a", outcome: "mocked", authority: "Payments.shop:8080", upstream: null }));
  journal.observe(call({ rule: "a", outcome: "failed", upstream: { host: "::1", port: 5432 } }));
  const ids = (filter: Parameters<typeof journal.entries>[0]) => journal.entries(filter).map(({ id }) => id);
  assert.deepEqual(ids({ rule: "a" }), [3, 2]);
  assert.deepEqual(ids({ rule: "" }), [1]);
  assert.deepEqual(ids({ rule: "a", outcome: "mocked" }), [2]);
  assert.deepEqual(ids({ host: "payments.shop" }), [2]);
  assert.deepEqual(ids({ host: "payments.shop:8080" }), [2]);
  assert.deepEqual(ids({ host: "payments.shop:80" }), []);
  assert.deepEqual(ids({ host: "::1" }), [3]);
  assert.deepEqual(ids({ host: "10.0.0.7" }), [1]);
  assert.deepEqual(ids({ since: 1 }), [3, 2]);
  assert.deepEqual(ids({ limit: 1 }), [3]);
  assert.deepEqual(ids({ limit: 0 }), []);
  assert.deepEqual(ids({ limit: -1 }), []);
});

test("journal: no record is made of what a filter leaves out", () => {
  const journal = createJournal(50);
  let made = 0;
  const watched = {
    ...call(),
    get durationMs() {
      made++;
      return 1;
    },
  };
  for (let i = 0; i < 50; i++) journal.observe(watched);
  for (const filter of [{ rule: "a" }, { outcome: "failed" }, { host: "nobody" }] as const)
    assert.deepEqual(journal.entries(filter), []);
  assert.equal(made, 0);
  assert.equal(journal.entries({ host: "inventory.shop", limit: 3 }).length, 3);
  assert.ok(made > 0);
});

test("journal: gives a hundred where no limit is named, and nothing where it has no room", () => {
  const [large, none] = [createJournal(500), createJournal(0)];
  for (let index = 0; index < 300; index++) {
    large.observe(call());
    none.observe(call());
  }
  assert.equal(large.entries().length, 100);
  assert.equal(large.entries({ limit: 1_000 }).length, 300);
  assert.equal(none.entries().length, 0);
});
