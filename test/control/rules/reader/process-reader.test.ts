// The reading process against the reading in this one: the same rules, the same lines, and no harm when it breaks.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { processReader } from "../../../../src/control/rules/reader/process-reader.ts";
import { inlineReader } from "../../../../src/control/rules/reader/rule-reader.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-reader-"));
after(() => rmSync(folder, { recursive: true }));

const never = new AbortController().signal;
const beside = () => processReader({ clock: systemClock, env: process.env });

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function manyRules(count: number): string {
  const rule = (i: number) =>
    `  - {name: r${i}, matches: [{host: h${i}, method: GET}], respond: {base64: AAEC, headers: {a: b}}}\n`;
  return `version: 1\nrules:\n${Array.from({ length: count }, (_, i) => rule(i)).join("")}`;
}

test("process reader: finds what is found in this process, over several messages", async () => {
  const file = write("many.yaml", manyRules(600));
  const [theirs, ours] = await Promise.all([
    beside().read(file, "", never),
    inlineReader(systemClock).read(file, "", never),
  ]);
  assert.equal(theirs?.rules.length, 600);
  assert.deepEqual(theirs.rules, ours?.rules);
  assert.deepEqual([theirs.digest, theirs.problems], [ours?.digest, []]);
  theirs.close();
});

test("process reader: equal parts of rules are one object", async () => {
  const found = await beside().read(write("equal.yaml", manyRules(2)), "", never);
  const [first, second] = found?.rules ?? [];
  assert.equal(first?.scope, second?.scope);
  assert.equal(first?.matches[0]?.method, second?.matches[0]?.method);
  assert.notEqual(first?.matches[0]?.host, second?.matches[0]?.host);
  found?.close();
});

test("process reader: tells the line of a path until it is closed", async () => {
  const text = "version: 1\nrules:\n  - name: one\n    respond:\n      status: 201\n";
  const found = await beside().read(write("lines.yaml", text), "", never);
  const [rule] = found?.rules ?? [];
  assert.ok(found && rule);
  const { place, path } = await found.locate(rule, ["respond", "status"]);
  assert.match(place, /lines\.yaml:5$/);
  assert.equal(path, "rules[0].respond.status");
  await assert.rejects(found.locate({ ...rule }, ["name"]), /there is no rule -1/);
  found.close();
  found.close();
  await assert.rejects(found.locate(rule, ["name"]), /was let go/);
});

test("process reader: problems keep their lines, and known content is not read again", async () => {
  const reader = beside();
  const file = write("wrong.yaml", "version: 1\nrules:\n  - name: one\n    respond: {status: fast}\n");
  const found = await reader.read(file, "", never);
  assert.deepEqual(found?.rules, []);
  assert.match(found?.problems[0]?.place ?? "", /wrong\.yaml:4$/);
  assert.equal(await reader.read(file, found?.digest ?? "", never), null);
  found?.close();
});

test("process reader: a process that ends by itself is an error of that reading", async () => {
  const entry = write("ends.mjs", "process.on('message', () => process.exit(3));");
  const reader = processReader({ clock: systemClock, env: process.env, entry });
  await assert.rejects(reader.read("any.yaml", "", never), /ended with 3/);
});

test("process reader: an answer that makes no sense is an error of that reading", async () => {
  const entry = write("odd.mjs", "process.on('message', () => process.send({ kind: 'place' }));");
  const reader = processReader({ clock: systemClock, env: process.env, entry });
  await assert.rejects(reader.read("any.yaml", "", never), /unexpected answer "place"/);
});

test("process reader: one that falls silent is given up", async () => {
  const clock = manualClock();
  const entry = write("silent.mjs", "process.on('message', () => process.send({ kind: 'alive' }));");
  const reading = processReader({ clock, env: process.env, entry }).read("any.yaml", "", never);
  reading.catch(() => undefined);
  while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(30_000);
  await assert.rejects(reading, /said nothing for 30 s/);
});

test("process reader: ends with the signal", async () => {
  const stop = new AbortController();
  const entry = write("waits.mjs", "process.on('message', () => undefined);");
  const reading = processReader({ clock: systemClock, env: process.env, entry }).read("a", "", stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
});
