// `understudy rules check` as a user sees it: lines, closing line, exit code.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Shell } from "../../src/commands/command.ts";
import { rulesCheck } from "../../src/commands/rules-check.ts";

const cwd = mkdtempSync(join(tmpdir(), "understudy-check-"));
after(() => rmSync(cwd, { recursive: true }));
const write = (name: string, ...lines: readonly string[]) =>
  writeFileSync(join(cwd, name), `${lines.join("\n")}\n`);

for (const folder of ["good", "nothing"]) mkdirSync(join(cwd, folder));
write("good/a.yaml", "version: 1", "rules:", "  - {name: a, respond: {file: body.txt}}");
write("good/b.json", '{"version": 1, "rules": [{"name": "b", "fault": {"abort": "reset"}}]}');
write("good/body.txt", "hi");
write("bad.yaml", "version: 1", "rules:", "  - name: c", "    fault:", "      delay: fast", "  - name: d");
write(
  "uncompilable.yaml",
  ...["version: 1", "rules:", "  - name: e", "    matches:", "      - host: h", '        expr: "1 +"'],
  ...[
    "      - body:",
    "          - contains: a",
    "          - matches: (",
    "    respond:",
    "      file: no.txt",
  ],
);

async function check(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  let out = "";
  const sink = {
    write(text: string) {
      out += text;
    },
    isTTY: false,
  };
  const shell: Shell = {
    ...{ env: {}, cwd, stdout: sink, stderr: sink, uid: 1, gid: 1, pid: 1, execPath: "node" },
    onSignal: () => () => undefined,
  };
  return { code: await rulesCheck.run(args, shell), out };
}

test("rules check: good rules in a folder", async () => {
  assert.deepEqual(await check("good"), { code: 0, out: "ok: 2 rules in 2 files\n" });
  assert.deepEqual(await check("good/a.yaml"), { code: 0, out: "ok: 1 rule in 1 file\n" });
});

test("rules check: each mistake with its line, the path as it was typed", async () => {
  assert.deepEqual(await check("good", "bad.yaml"), {
    code: 65,
    out:
      'bad.yaml:5: rules[0].fault.delay: expected a duration such as 200ms or 2s, got "fast"\n' +
      "bad.yaml:6: rules[1]: does nothing: expected respond, fault, patch or state.becomes\n" +
      "2 problems in 3 files\n",
  });
});

test("rules check: what only shows when compiling has its line too", async () => {
  const { code, out } = await check("./uncompilable.yaml");
  assert.equal(code, 65);
  const lines = out.split("\n").map((line) => line.split(": ").slice(0, 2).join(": "));
  assert.deepEqual(
    lines,
    [
      "uncompilable.yaml:6: rules[0].matches[0].expr",
      "uncompilable.yaml:9: rules[0].matches[1].body[1].matches",
      "uncompilable.yaml:11: rules[0].respond.file",
      "3 problems in 1 file",
      "",
    ].map((line) => (line.startsWith("uncompilable") ? `./${line}` : line)),
  );
});

test("rules check: names are compared across all paths", async () => {
  const { out } = await check("good", "good/b.json");
  assert.equal(
    out,
    'good/b.json:1: rules[0].name: expected a name of its own, got "b", which the rule at good/b.json:1 already has\n1 problem in 3 files\n',
  );
});

test("rules check: a missing file is told", async () => {
  assert.deepEqual(await check("nope.yaml"), {
    code: 65,
    out: "nope.yaml: expected a rules file or a folder of them, got nothing there (ENOENT)\n1 problem\n",
  });
});

test("rules check: a folder in which no file is read says which ones are", async () => {
  assert.deepEqual(await check("nothing"), {
    code: 0,
    out: "ok: 0 rules in 0 files: no *.yaml, *.yml or *.json there (subfolders are not read)\n",
  });
});

test("rules check --json: for programs", async () => {
  const good = await check("good", "--json");
  assert.deepEqual(JSON.parse(good.out), { ok: true, rules: 2, files: 2, problems: [] });
  const bad = await check("--json", "bad.yaml");
  assert.deepEqual(JSON.parse(bad.out).problems[0], {
    place: "bad.yaml:5",
    path: "rules[0].fault.delay",
    message: 'expected a duration such as 200ms or 2s, got "fast"',
  });
});

test("rules check: without a path, and with an unknown flag, the command line is refused", async () => {
  await assert.rejects(check(), { code: "usage", message: /expected a file or a folder of rules/ });
  await assert.rejects(check("--jsn", "a"), { code: "usage" });
});

const protos = join(import.meta.dirname, "..", "support", "protos");
const speaking = (service: string) =>
  ["a", "b", "c", "d"].flatMap((name) => [
    `  - name: ${name}`,
    `    matches: [{grpc: {service: ${service}, method: Get}, message: {equalToJson: {sku: tom}}}]`,
    "    respond: {grpc: {message: {sku: tom}}}",
  ]);

test("rules check: descriptors that rules share are told once, with the rules that need them", async () => {
  const concerned = (file: string) =>
    `concerns 4 rules: a (${file}:4), b (${file}:7), c (${file}:10) and 1 more\n1 problem in 1 file\n`;
  const reasons = {
    "gone.binpb": `nothing is at ${join(cwd, "gone.binpb")}`,
    "bad.yaml": `${join(cwd, "bad.yaml")} is neither (`,
    empty: `${join(cwd, "empty")} holds no .proto file`,
  };
  mkdirSync(join(cwd, "empty"), { recursive: true });
  for (const [descriptors, reason] of Object.entries(reasons)) {
    write(
      "spoken.yaml",
      "version: 1",
      `descriptors: ${descriptors}`,
      "rules:",
      ...speaking("shop.v1.Inventory"),
    );
    const { code, out } = await check("spoken.yaml");
    assert.equal(code, 65);
    const told = `spoken.yaml:2: descriptors: expected .proto files or a descriptor set: ${reason}`;
    assert.equal(out.slice(0, told.length), told);
    assert.equal(out.slice(-concerned("spoken.yaml").length), concerned("spoken.yaml"));
  }
});

test("rules check: a service that the descriptors lack is told once; other mistakes at each place", async () => {
  const head = ["version: 1", `descriptors: [${protos}]`, "rules:"];
  write("typo.yaml", ...head, ...speaking("shop.v1.Inventori"));
  assert.equal(
    (await check("typo.yaml")).out,
    'typo.yaml:5: rules[0].matches[0].grpc.service: unknown service "shop.v1.Inventori", did you mean ' +
      '"shop.v1.Inventory"?; concerns 4 rules: a (typo.yaml:4), b (typo.yaml:7), c (typo.yaml:10) and 1 more\n' +
      "1 problem in 1 file\n",
  );
  write("fields.yaml", ...head, ...speaking("shop.v1.Inventory").map((line) => line.replace(/sku/, "skuu")));
  assert.match((await check("fields.yaml")).out, /\n8 problems in 1 file\n$/);
});

test("rules check: descriptors of one rule are told where they are written", async () => {
  const rules = speaking("shop.v1.Inventory").slice(0, 3);
  write(
    "own.yaml",
    "version: 1",
    `descriptors: ${protos}`,
    "rules:",
    ...rules,
    "    descriptors: [gone.proto]",
  );
  assert.equal(
    (await check("own.yaml")).out,
    `own.yaml:7: rules[0].descriptors[0]: expected .proto files or a descriptor set: nothing is at ${join(cwd, "gone.proto")}\n` +
      "1 problem in 1 file\n",
  );
});
