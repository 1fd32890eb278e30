// The house rules, checked from the real imports: who may import whom, no circles, no ambient time or chance.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

interface Source {
  readonly file: string;
  readonly text: string;
  /** Files of ours that it imports, relative to src. */
  readonly imports: readonly string[];
}

const sources: readonly Source[] = files.map((file) => {
  const text = readFileSync(join(root, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map(
    (found) => found[1] ?? "",
  );
  return {
    file,
    text,
    imports: specifiers.map((specifier) => relative(root, normalize(join(root, dirname(file), specifier)))),
  };
});

/** `core`, `proxy/match`, `proxy/pipeline.ts`, `control/rules`, `sidecar`, `commands`, `main.ts`, … */
function roomOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  return first === "proxy" || first === "control" ? `${first}/${second}` : first;
}

function mayImport(from: string, to: string): boolean {
  const [a, b] = [roomOf(from), roomOf(to)];
  if (a === b || b === "core") return true;
  const isStage = (room: string) => room.startsWith("proxy/") && room !== "proxy/pipeline.ts";
  switch (a) {
    case "core":
      return false;
    case "proxy/pipeline.ts":
      return isStage(b);
    case "sidecar": // the composition root, a part a file
      return b.startsWith("proxy/") || b.startsWith("control/");
    case "commands":
      return b !== "main.ts" && b !== "index.ts";
    case "main.ts":
    case "index.ts":
      return true;
    default:
      return false; // a stage or a control room sees core alone
  }
}

test("imports go one way: core, stages, pipeline, sidecar, commands, main", () => {
  const broken = sources.flatMap(({ file, imports }) =>
    imports.filter((target) => !mayImport(file, target)).map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("every import names a file that exists", () => {
  const known = new Set(files);
  const missing = sources.flatMap(({ file, imports }) =>
    imports.filter((target) => !known.has(target)).map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(missing, []);
});

test("no circle of imports", () => {
  const graph = new Map(sources.map(({ file, imports }) => [file, imports]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (done.has(file) || path.includes(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const { file } of sources) visit(file, []);
  assert.deepEqual(circles, []);
});

test("time, chance and the process are reached through core and main alone", () => {
  const ambient = /\b(?:Date\.now|Math\.random|performance\.now|setTimeout|setInterval|process\.\w+)\b/;
  // Entry points are processes of their own: they own argv, env and exit codes just as main.ts does.
  const entryPoints = /^(?:main|.*\/entry)\.ts$/;
  const broken = sources
    .filter(({ file }) => !file.startsWith("core/") && !entryPoints.test(file))
    .flatMap(({ file, text }) =>
      text
        .split("\n")
        .map((line, index) => ({ line: line.replace(/\/\/.*$/, ""), place: `${file}:${index + 1}` }))
        .filter(({ line }) => ambient.test(line) && !/^\s*\*/.test(line))
        .map(({ place, line }) => `${place}: ${line.trim()}`),
    );
  assert.deepEqual(broken, []);
});

test("files are short, or say in their first comment why they are not", () => {
  const long = sources
    .filter(({ text }) => text.split("\n").length > 351)
    .filter(({ text }) => !/^\/\/ (?:.*\n\/\/ )*.*\blong\b/i.test(text))
    .map(({ file, text }) => `${file}: ${text.split("\n").length} lines`);
  assert.deepEqual(long, []);
});

test("every file opens with its job", () => {
  const silent = sources.filter(({ text }) => !/^(?:#!.*\n)?\/\/ \S/.test(text)).map(({ file }) => file);
  assert.deepEqual(silent, []);
});
