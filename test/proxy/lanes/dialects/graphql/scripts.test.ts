// Scripts of rules against their sandbox: bounded in time and memory, cut off from Node, and each on its own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Clock, systemClock } from "../../../../../src/core/clock.ts";
import { ScriptHost } from "../../../../../src/proxy/lanes/dialects/graphql/mock/script/script-host.ts";
import { manualClock } from "../../../../support/manual-clock.ts";
import { openStage } from "./stage.ts";

const view = { args: { n: 2 }, parent: null, variables: {}, state: { list: [1] }, headers: {} };
const present = new AbortController().signal;

/** Each test has a process of its own, let go at its end. */
function openHost(t: { after(done: () => void): void }, clock: Clock = systemClock) {
  const host = new ScriptHost(clock);
  t.after(() => host.close());
  return (script: string, timeoutMs = 10_000, signal = present) => host.run(script, view, timeoutMs, signal);
}

test("scripts: give values of JSON, and say why they give none", async (t) => {
  const run = openHost(t);
  assert.equal(await run("return args.n * 21"), 42);
  assert.deepEqual(await run("return {...state, more: [null, 'x']}"), { list: [1], more: [null, "x"] });
  assert.equal(await run("args.n"), null);
  await assert.rejects(run("return nothing"), /^Error: script: ReferenceError: nothing is not defined/);
  await assert.rejects(run("throw {message: 1}"), /script: \[object Object\]/);
  await assert.rejects(run("throw Object.create(null)"), /script: it threw what is no text/);
  await assert.rejects(run("return Promise.resolve(1)"), /expected a value, got a promise/);
  await assert.rejects(run("return 'x'.repeat(2e6)"), /at most 1048576 characters, got 2000002/);
  await assert.rejects(run("return 1n"), /BigInt/);
});

/** Processes that this one has started, in proc(5). */
const children = () =>
  readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);

const loops: Readonly<Record<string, string>> = {
  "a loop": "for (;;);",
  "a loop of promises": "(async () => { for (;;) await 0; })(); return 1",
  "a loop behind a promise": "Promise.resolve().then(() => { for (;;); }); return 1",
  "a regular expression that backtracks": "return /^(a+)+$/.test('a'.repeat(40) + 'b')",
  "a value that loops when it is written": "return {toJSON() { for (;;); }}",
  "a proxy that loops when it is written": "return new Proxy({}, {ownKeys() { for (;;); }})",
  "an error that loops when it is read": "throw {toString() { for (;;); }}",
  "a proxy that is thrown": "throw new Proxy({}, {get() { for (;;); }})",
};

test("scripts: none runs longer than it may, and the next one is not harmed", async (t) => {
  const run = openHost(t);
  await run("return 1");
  for (const [name, script] of Object.entries(loops)) {
    await assert.rejects(run(script, 50), /script: did not end within 50 ms/, name);
    assert.equal(await run("return args.n"), 2, name);
  }
});

const hungry: Readonly<Record<string, string>> = {
  "many arrays": "const all = []; for (;;) all.push(new Array(1e5).fill(all.length))",
  "one large array": "return new Array(2 ** 26).fill(0).length",
  "a large text that is written out": "return 'x'.repeat(2 ** 28)",
  "a large number": "return String(1n << (2n ** 30n - 1n)).length",
};

test("scripts: what a script takes beyond its memory ends that script alone", async (t) => {
  const run = openHost(t);
  for (const [name, script] of Object.entries(hungry)) {
    const waiting = [run(script), run("return args.n"), run("return state.list[0]")] as const;
    await assert.rejects(waiting[0], /script: (took more than 32 MB of memory|did not end)/, name);
    assert.deepEqual(await Promise.all(waiting.slice(1)), [2, 1], name);
  }
});

const nothingBeyond: Readonly<Record<string, string>> = {
  "names of Node":
    "return [typeof process, typeof require, typeof module, typeof Buffer, typeof fetch, typeof setTimeout, typeof console]",
  "memory beside the heap":
    "return [typeof ArrayBuffer, typeof Uint8Array, typeof SharedArrayBuffer, typeof WebAssembly, typeof Atomics]",
};

test("scripts: find nothing of Node, no memory beside their heap, and no way to make code of texts", async (t) => {
  const run = openHost(t);
  for (const [name, script] of Object.entries(nothingBeyond)) {
    const found = await run(script);
    assert.ok(Array.isArray(found) && found.every((type) => type === "undefined"), `${name}: ${found}`);
  }
  for (const script of [
    "return globalThis.constructor.constructor('return process')()",
    "return args.toString.constructor('return 1')()",
    "return (async () => {}).constructor('return 1')()",
    "return (0, eval)('1')",
    "try { null.x } catch (error) { return error.constructor.constructor('return process')() }",
    "try { (function f() { f() })() } catch (error) { return error.constructor.constructor('return process')() }",
    "return new Proxy(args, {}).constructor.constructor('return process')()",
  ])
    await assert.rejects(run(script), /Code generation from strings disallowed/, script);
  const frames =
    "Error.prepareStackTrace = (_, frames) => frames.map((one) => typeof one.getThis() + typeof one.getFunction()); return new Error().stack";
  assert.deepEqual([...new Set((await run(frames)) as string[])], ["undefinedundefined"]);
  // What fails outside of the context could lead there: even then no code is made, no file read, no process begun.
  const outside =
    "import('x').catch((error) => { error.constructor.constructor('return process')() }); return 1";
  assert.equal(await run(outside), 1);
  assert.equal(await run("return args.n"), 2);
});

test("scripts: what one changes is gone for the next", async (t) => {
  const run = openHost(t);
  await run(
    "Object.prototype.left = 1; globalThis.left = 1; JSON.stringify = () => '9'; Array.prototype.map = null; args.n = 9; return 1",
  );
  assert.deepEqual(await run("return [typeof left, typeof {}.left, typeof [].map, args.n]"), [
    "undefined",
    "undefined",
    "function",
    2,
  ]);
  assert.equal(({} as { left?: unknown }).left, undefined);
});

test("scripts: a client that left is not worked for, and no more wait than a thousand", async (t) => {
  const run = openHost(t);
  const leaving = new AbortController();
  const slow = run("for (;;);", 100);
  const late = Promise.allSettled(
    Array.from({ length: 1_100 }, () => run("return 1", 1_000, leaving.signal)),
  );
  leaving.abort(new Error("left"));
  await assert.rejects(slow, /did not end/);
  const reasons = (await late).map((one) => String("reason" in one && one.reason));
  assert.equal(reasons.filter((reason) => reason === "Error: left").length, 1_000);
  assert.equal(reasons.filter((reason) => /script: too many are waiting/.test(reason)).length, 100);
});

test("scripts: the process ends when none has run for a while, and the next script has a new one", async (t) => {
  const clock = manualClock();
  const run = openHost(t, clock);
  await run("return 1");
  const [first, ...others] = children();
  assert.ok(first !== undefined && others.length === 0);
  await clock.advance(29_000);
  await run("return 1");
  await clock.advance(29_000);
  assert.deepEqual(children(), [first]);
  await clock.advance(2_000);
  while (children().length > 0) await new Promise(setImmediate);
  assert.equal(await run("return args.n"), 2);
});

test("scripts: a rule whose script imports, or does not parse, is refused with its place", async () => {
  const rule = (script: string) =>
    openStage(
      `  - {name: shop, respond: {graphql: {schema: shop.graphql, overrides: {Query.count: {script: "${script}"}}}}}\n`,
    );
  for (const script of [
    "return import('node:fs')",
    "return import/* */('node:fs')",
    "return import.meta.url",
    "import//\\n('x')",
  ])
    await assert.rejects(
      rule(script),
      /rules\[0\]\.respond\.graphql\.overrides\.Query\.count\.script: expected a script without import/,
    );
  await assert.rejects(rule("}); (function () {"), /expected the body of a JavaScript function/);
  await using stage = await rule("const important = 3; return important");
  assert.equal((await stage.ask("{ count }")).json.data.count, 3);
});
