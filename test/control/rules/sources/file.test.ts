// Hot reload on real files: plain writes, atomic renames, links that are swapped, files that come and go, lost events.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type FileSourceDeps, fileSource } from "../../../../src/control/rules/sources/file.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { formatProblem, type RuleSnapshot } from "../../../../src/core/rule-source.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const rules = (...names: readonly string[]) =>
  `version: 1\nrules:\n${names.map((name) => `  - {name: ${name}, respond: {}}\n`).join("")}`;
const namesOf = (snapshot: RuleSnapshot) => snapshot.rules.map((rule) => rule.name);

interface Watching {
  readonly folder: string;
  readonly at: (...parts: readonly string[]) => string;
  /** The next snapshot. */
  readonly next: () => Promise<RuleSnapshot>;
}

/** A folder of the test's own, and snapshots of the path in it. */
function watching(
  context: TestContext,
  path: string,
  deps: FileSourceDeps = { clock: systemClock },
): Watching {
  const folder = mkdtempSync(join(tmpdir(), "understudy-rules-"));
  const stopping = new AbortController();
  const iterator = fileSource(join(folder, path), deps).watch(stopping.signal)[Symbol.asyncIterator]();
  context.after(async () => {
    stopping.abort();
    await iterator.return?.();
    rmSync(folder, { recursive: true, force: true });
  });
  const next = async () => {
    const { value, done } = await iterator.next();
    if (done) throw new Error("the source has ended");
    return value;
  };
  return { folder, at: (...parts) => join(folder, ...parts), next };
}

test("file: a write, a rename over it, its removal and its return are seen", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "r.yaml");
  writeFileSync(at("r.yaml"), rules("a"));
  const first = await next();
  assert.deepEqual(namesOf(first), ["a"]);
  writeFileSync(at("r.yaml"), rules("b"));
  assert.deepEqual(namesOf(await next()), ["b"]);
  writeFileSync(at("r.yaml.tmp"), rules("c"));
  renameSync(at("r.yaml.tmp"), at("r.yaml"));
  assert.deepEqual(namesOf(await next()), ["c"]);
  unlinkSync(at("r.yaml"));
  const gone = await next();
  assert.deepEqual(gone.problems.map(formatProblem), [
    `${at("r.yaml")}: expected a rules file or a folder of them, got nothing there (ENOENT)`,
  ]);
  writeFileSync(at("r.yaml"), rules("a"));
  const back = await next();
  assert.deepEqual(namesOf(back), ["a"]);
  assert.equal(back.revision, first.revision, "equal content has the equal revision");
});

test("file: a mistake is told with its line, and mending it is enough", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "r.yaml");
  writeFileSync(at("r.yaml"), "version: 1\nrules:\n  - {name: a}\n");
  assert.match(
    formatProblem((await next()).problems[0] ?? assert.fail()),
    /r\.yaml:3: rules\[0\]: does nothing/,
  );
  writeFileSync(at("r.yaml"), rules("a"));
  const mended = await next();
  assert.deepEqual(namesOf(mended), ["a"]);
  const [rule = assert.fail()] = mended.rules;
  assert.deepEqual(await mended.locate?.(rule, ["respond"]), {
    place: `${at("r.yaml")}:3`,
    path: "rules[0].respond",
  });
});

test("folder: files in name order, hidden ones and others left out, files come and go", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "d");
  mkdirSync(at("d", "sub.yaml"), { recursive: true });
  writeFileSync(at("d", "b.yml"), rules("b"));
  writeFileSync(at("d", "a.json"), '{"version": 1, "rules": [{"name": "a", "respond": {}}]}');
  writeFileSync(at("d", ".hidden.yaml"), "not rules");
  writeFileSync(at("d", "notes.txt"), "not rules");
  assert.deepEqual(namesOf(await next()), ["a", "b"]);
  writeFileSync(at("d", "c.yaml"), rules("c"));
  assert.deepEqual(namesOf(await next()), ["a", "b", "c"]);
  unlinkSync(at("d", "a.json"));
  assert.deepEqual(namesOf(await next()), ["b", "c"]);
  writeFileSync(at("d", "d.yaml"), rules("b"));
  assert.deepEqual((await next()).problems.map(formatProblem), [
    `${at("d", "d.yaml")}:3: rules[0].name: expected a name of its own, got "b", which the rule at ${at("d", "b.yml")}:3 already has`,
  ]);
});

test("folder: links that kubectl swaps are followed, a circle of links is told", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "d");
  for (const [version, name] of [
    ["..v1", "a"],
    ["..v2", "b"],
  ] as const) {
    mkdirSync(at("d", version), { recursive: true });
    writeFileSync(at("d", version, "r.yaml"), rules(name));
  }
  symlinkSync("..v1", at("d", "..data"));
  symlinkSync("..data/r.yaml", at("d", "r.yaml"));
  assert.deepEqual(namesOf(await next()), ["a"]);
  symlinkSync("..v2", at("d", "..data_tmp"));
  renameSync(at("d", "..data_tmp"), at("d", "..data"));
  assert.deepEqual(namesOf(await next()), ["b"]);
  symlinkSync("loop.yaml", at("d", "loop.yaml"));
  assert.deepEqual((await next()).problems.map(formatProblem), [
    `${at("d", "loop.yaml")}: expected a file that can be read, got a circle of links (ELOOP)`,
  ]);
});

test("file: one in another encoding is refused with its line, and followed as any other", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "r.yaml");
  const text = `${rules("a")}# café\n`;
  writeFileSync(at("r.yaml"), Buffer.from(text, "latin1"));
  const told = async () => (await next()).problems.map(formatProblem);
  const expected = "expected text in UTF-8, got";
  assert.deepEqual(await told(), [
    `${at("r.yaml")}:4: ${expected} another encoding (save the file as UTF-8)`,
  ]);
  writeFileSync(at("new"), Buffer.from(text, "utf16le"));
  renameSync(at("new"), at("r.yaml"));
  assert.deepEqual(await told(), [`${at("r.yaml")}:1: ${expected} UTF-16 (save the file as UTF-8)`]);
  writeFileSync(at("new"), text);
  renameSync(at("new"), at("r.yaml"));
  assert.deepEqual(namesOf(await next()), ["a"]);
});

test("file: one that a rule answers with takes part in the revision", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "r.yaml");
  mkdirSync(at("bodies"));
  writeFileSync(at("bodies", "a.txt"), "one");
  writeFileSync(
    at("r.yaml"),
    "version: 1\nrules:\n  - {name: a, respond: {file: bodies/a.txt}}\n  - {name: b, respond: {cycle: [{file: no}]}}\n  - {name: c, respond: {random: [{file: bodies}]}}\n",
  );
  const first = await next();
  assert.deepEqual(first.problems, []);
  writeFileSync(at("bodies", "a.txt"), "two");
  const second = await next();
  assert.notEqual(second.revision, first.revision);
  assert.deepEqual(second.rules, first.rules);
  writeFileSync(at("bodies", "a.txt"), "one");
  assert.equal((await next()).revision, first.revision);
});

test("file: descriptors that rules name take part in the revision, sources that come to their folder too", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "r.yaml");
  mkdirSync(at("protos"));
  writeFileSync(at("protos", "a.proto"), 'syntax = "proto3";');
  writeFileSync(at("one.binpb"), "");
  writeFileSync(
    at("r.yaml"),
    `version: 1\ndescriptors: [protos, one.binpb]\nrules: [{name: a, respond: {}}]\n`,
  );
  const revisions = [(await next()).revision];
  const later = async () => revisions.push((await next()).revision);
  writeFileSync(at("protos", "a.proto"), 'syntax = "proto3"; message A {}');
  await later();
  writeFileSync(at("protos", "b.proto"), 'syntax = "proto3";');
  await later();
  writeFileSync(at("one.binpb"), "changed");
  await later();
  unlinkSync(at("protos", "b.proto"));
  await later();
  assert.equal(new Set(revisions).size, 5);
});

test("file: where events get lost the poll sees the change after two seconds", {
  timeout: 20_000,
}, async (context) => {
  const clock = manualClock();
  const watchFolder = () => {
    throw new Error("ENOSPC");
  };
  const { at, next } = watching(context, "r.yaml", { clock, watchFolder });
  writeFileSync(at("r.yaml"), rules("a"));
  assert.deepEqual(namesOf(await next()), ["a"]);
  const pending = next();
  let seen = false;
  void pending.then(() => (seen = true));
  while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(at("r.yaml"), rules("b", "c"));
  await clock.advance(1_999);
  assert.equal(seen, false);
  await clock.advance(1);
  assert.deepEqual(namesOf(await pending), ["b", "c"]);
});

test("file: a burst of events is one look", { timeout: 20_000 }, async (context) => {
  const clock = manualClock();
  const told: ((name: string | null) => void)[] = [];
  const watchFolder: FileSourceDeps["watchFolder"] = (_folder, changed) => {
    told.push(changed);
    return { close: () => undefined };
  };
  const { at, next } = watching(context, "r.yaml", { clock, watchFolder });
  writeFileSync(at("r.yaml"), rules("a"));
  assert.deepEqual(namesOf(await next()), ["a"]);
  const pending = next();
  while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(at("r.yaml"), rules("b"));
  for (const changed of told) changed("other.txt");
  for (const changed of told) changed("r.yaml");
  writeFileSync(at("r.yaml"), rules("c"));
  for (const changed of told) changed(null);
  await clock.advance(30);
  assert.deepEqual(namesOf(await pending), ["c"]);
});

test("file: a device is told, not read for ever", {
  timeout: 20_000,
}, async (context) => {
  const { at, next } = watching(context, "r.yaml");
  symlinkSync("/dev/null", at("r.yaml"));
  assert.deepEqual((await next()).problems.map(formatProblem), [
    `${at("r.yaml")}: expected a file, got something else`,
  ]);
});

test("file: a log beside it that is written all the time is not listened to, and changes are still seen soon", {
  timeout: 20_000,
}, async (context) => {
  const clock = manualClock();
  let closed = 0;
  const told: ((name: string | null) => void)[] = [];
  const watchFolder: FileSourceDeps["watchFolder"] = (place, changed) => {
    if (place.endsWith(".yaml")) return { close: () => undefined };
    told.push(changed);
    return { close: () => void closed++ };
  };
  const { at, next } = watching(context, "r.yaml", { clock, watchFolder });
  writeFileSync(at("r.yaml"), rules("a"));
  assert.deepEqual(namesOf(await next()), ["a"]);
  const pending = next();
  const armed = async () => {
    while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  await armed();
  const [changed = assert.fail()] = told;
  for (let line = 0; line < 32; line++) changed("app.log");
  assert.equal(closed, 0);
  changed("app.log");
  assert.equal(closed, 1);
  await clock.advance(30); // gathered
  await armed();
  assert.equal(told.length, 1, "not watched again at once");
  writeFileSync(at("r.yaml"), rules("b"));
  await clock.advance(250);
  assert.deepEqual(namesOf(await pending), ["b"]);
  const later = next();
  for (let ms = 0; ms < 10_000; ms += 250) {
    await armed();
    await clock.advance(250);
  }
  await armed();
  assert.equal(told.length, 2, "heard again, for the log may have fallen silent");
  writeFileSync(at("r.yaml"), rules("c"));
  told[1]?.("r.yaml");
  await clock.advance(30);
  assert.deepEqual(namesOf(await later), ["c"]);
});
