// Finding a command by its words, and the texts of help.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Shell } from "../../src/commands/command.ts";
import { commandEntries } from "../../src/commands/entries.ts";
import { type CommandEntry, findCommand, helpFor, overview } from "../../src/commands/help.ts";
import { allOptionsHelp } from "../../src/commands/options.ts";
import { allOptions, flagOf } from "../../src/control/config/options.ts";

const entry = (name: string): CommandEntry => ({
  name,
  summary: `does ${name}`,
  load: async () => ({ name, summary: `does ${name}`, help: `help of ${name}`, run: async () => 0 }),
});
const entries = ["run", "proxy", "rules check", "rules explain"].map(entry);

test("commands: one word or two, and the rest are arguments", () => {
  assert.deepEqual(findCommand(["run", "x"], entries).args, ["x"]);
  const pair = findCommand(["rules", "check", "f.yaml"], entries);
  assert.equal(pair.entry.name, "rules check");
  assert.deepEqual(pair.args, ["f.yaml"]);
});

test("commands: a word that is none is told with the nearest one", () => {
  const table: readonly [words: readonly string[], message: string][] = [
    [["rn"], "rn: no such command; did you mean run?"],
    [["prxy", "--json"], "prxy: no such command; did you mean proxy?"],
    [["rules", "chekc"], "rules chekc: no such command; did you mean rules check?"],
    [["rulez"], "rulez: no such command; did you mean rules?"],
    [["rules"], "rules: expected one of rules check, rules explain"],
    [["rules", "--json"], "rules: expected one of rules check, rules explain"],
    [["frobnicate"], "frobnicate: no such command; see understudy --help"],
  ];
  for (const [words, message] of table) {
    assert.throws(() => findCommand(words, entries), { message, code: "usage" });
  }
});

test("help: of all, of one, of a family, of the options", async () => {
  assert.match(await helpFor([], entries), /Usage: understudy COMMAND/);
  assert.equal(await helpFor(["help"], entries), overview(entries));
  assert.equal(await helpFor(["rules", "check"], entries), "help of rules check");
  assert.equal(
    await helpFor(["rules"], entries),
    "Usage: understudy rules COMMAND [FLAGS]\n\n" +
      "  rules check    does rules check\n  rules explain  does rules explain\n\n" +
      "understudy help rules COMMAND tells more about one.\n",
  );
  assert.equal(await helpFor(["options"], entries), allOptionsHelp());
  await assert.rejects(helpFor(["nothing"], entries), { code: "usage" });
});

test("help: the overview is short and lists every command once, with three examples", () => {
  const text = overview(commandEntries);
  const lines = text.split("\n");
  assert.ok(lines.length <= 36, `${lines.length} lines`);
  assert.ok(lines.every((line) => line.length <= 80));
  for (const { name } of commandEntries) {
    assert.equal(lines.filter((line) => line.startsWith(`  ${name}  `)).length, 1, name);
  }
  assert.equal(lines.filter((line) => line.startsWith("  understudy ")).length, 3);
});

test("help: every entry loads the command that it announces, whose text fits a terminal", async () => {
  for (const { name, summary, load } of commandEntries) {
    const command = await load();
    assert.equal(command.name, name);
    assert.equal(command.summary.toLowerCase(), summary.toLowerCase());
    assert.match(command.help, new RegExp(`^Usage: understudy ${name}`));
    for (const line of command.help.split("\n")) assert.ok(line.length <= 80, `${name}: ${line}`);
  }
});

test("help: the list of options holds every flag", () => {
  const text = allOptionsHelp();
  for (const { key } of allOptions)
    assert.ok(text.includes(`${flagOf(key)} `) || text.includes(`${flagOf(key)}\n`), key);
});

test("help: the list of options fits a terminal, but for words that are longer", () => {
  const long = allOptionsHelp()
    .split("\n")
    .filter((line) => line.length > 80);
  assert.deepEqual(
    long.map((line) => line.slice(0, 12)),
    ["--port-hints"],
  );
});

/** Those that a text names, without dashes. */
const namedIn = (text: string) =>
  new Set([...text.matchAll(/--([a-z][a-z-]+)/g)].map(([, name]) => name ?? ""));

test("help: every flag that a command names exists", async () => {
  const shell = { env: {}, cwd: "/nowhere" };
  for (const { name, load } of commandEntries) {
    const { help, run } = await load();
    for (const flag of namedIn(help.split("Examples:")[0] ?? "")) {
      if (flag === "help" || elsewhere.has(`${name} --${flag}`)) continue;
      const refused = await run([`--${flag}=x`, "--no-such-flag"], shell as Shell).catch((error) => error);
      assert.doesNotMatch(
        String(refused.message),
        new RegExp(`^--${flag}: no such flag`),
        `${name} --${flag}`,
      );
    }
  }
});

/** Flags of other programs and commands, told in passing. */
const elsewhere = new Set(["proxy --proxy"]);
