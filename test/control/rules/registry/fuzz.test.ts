// Hostile values in a store, and from other sidecars: rules or problems come of them, never a crash, and nothing half.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readPeerRules, writePeerRules } from "../../../../src/control/rules/peer-rules.ts";
import {
  contentKey,
  everyone,
  folderOf,
  leasedKey,
  manifestKey,
} from "../../../../src/control/rules/registry/keys.ts";
import {
  digestOf,
  readLeased,
  readManifest,
  writeManifest,
} from "../../../../src/control/rules/registry/manifest.ts";
import { StoredParser } from "../../../../src/control/rules/registry/parse-stored.ts";
import { storedRules } from "../../../../src/control/rules/registry/stored-rules.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const prefix = "understudy/rules/";
const folder = folderOf(prefix, everyone);
const good = [
  `{"name":"a","matches":[{"path":"/a"}],"respond":{"status":201,"json":{"b":[1,2,{"c":null}]}}}`,
  "name: a\nmatches:\n  - path: {regex: ^/a}\nfault: {delay: 1s}\n",
  `{"format":1,"version":3,"rules":[{"name":"a","digest":"${digestOf("x")}"}]}`,
];

/** Any text, a deep one, or a good value with pieces changed. */
const hostile = fc.oneof(
  fc.string({ maxLength: 300, unit: "binary" }),
  fc.nat(3_000).map((depth) => "[".repeat(depth)),
  fc.nat(300).map((depth) => `{"a":`.repeat(depth)),
  fc.constant("&a [*a, *a]\n"),
  fc
    .tuple(
      fc.constantFrom(...good),
      fc.array(fc.tuple(fc.nat(200), fc.string({ maxLength: 3 })), { maxLength: 4 }),
    )
    .map(([text, changes]) =>
      changes.reduce((now, [at, piece]) => now.slice(0, at) + piece + now.slice(at + 1), text),
    ),
);

test("fuzz: values of a store give rules or problems", async () => {
  const parser = new StoredParser(manualClock());
  const signal = new AbortController().signal;
  await fc.assert(
    fc.asyncProperty(hostile, hostile, hostile, async (rule, manifest, leased) => {
      const keys = [
        { key: `${prefix}a`, value: rule, index: 1 },
        { key: manifestKey(folder), value: manifest, index: 2 },
        { key: contentKey(folder, "a@0"), value: rule, index: 2 },
        { key: leasedKey(folder, "x"), value: leased, index: 3 },
      ];
      const stored = storedRules({ index: 3, keys }, prefix, { service: null, namespace: null });
      const parsed = await parser.parse(stored.rules, signal);
      assert.ok(parsed.problems.length === 0 || parsed.rules.length === 0, "all or nothing");
      const manifestRead = readManifest(manifest);
      if (manifestRead) writeManifest(manifestRead);
      readLeased(leased);
    }),
    { numRuns: 600 },
  );
});

test("fuzz: rules of another sidecar are taken whole, as they were written, or not at all", () => {
  const rules = [{ place: "p", name: "a", text: good[0] ?? "", leaseMs: null }];
  const written = Buffer.from(writePeerRules("us", { index: 7, rules }) ?? []);
  assert.deepEqual(readPeerRules("us", written), { index: 7, rules });
  assert.equal(readPeerRules("them", written), null);
  fc.assert(
    fc.property(fc.nat(written.length - 1), fc.nat(255), fc.nat(written.length), (at, value, length) => {
      const bytes = Buffer.from(written);
      bytes[at] = value;
      const read = readPeerRules("us", bytes);
      if (read !== null) assert.deepEqual(read.rules, rules);
      if (length < written.length) assert.equal(readPeerRules("us", written.subarray(0, length)), null);
    }),
    { numRuns: 1_000 },
  );
});
