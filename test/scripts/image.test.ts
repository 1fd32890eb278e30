// The Dockerfile: every file that its build needs is let through by .dockerignore and copied. Following the Dockerfile
// itself takes a minute or two and root: scripts/try-dockerfile.sh, which CI runs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const linesOf = (file: string) => readFileSync(join(root, file), "utf8").split("\n");

const dockerfile = linesOf("Dockerfile");
const letThrough = linesOf(".dockerignore").flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
/** What COPY takes from the checkout. */
const copied = dockerfile.flatMap((line) => {
  const [word, ...words] = line.split(" ");
  return word === "COPY" && !words[0]?.startsWith("--from=") ? words.slice(0, -1) : [];
});

/** A file and every file of ours that it imports. */
function withImports(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, path = ""] of readFileSync(join(root, file), "utf8").matchAll(/from "(\.{1,2}\/[^"]+)"/g)) {
    withImports(normalize(join(dirname(file), path)), seen);
  }
  return seen;
}

const holds = (places: readonly string[], file: string) =>
  places.some((place) => file === place || file.startsWith(`${place}/`));

describe("image", () => {
  test("the scripts that it runs are copied with all that they import", () => {
    const scripts = dockerfile.flatMap((line) => /^RUN node (\S+\.ts)/.exec(line)?.[1] ?? []);
    assert.deepEqual(scripts, ["scripts/build.ts"]);
    const needed = [...withImports("scripts/build.ts")];
    assert.ok(needed.length > 2, `only ${needed}`);
    assert.deepEqual(
      needed.filter((file) => !holds(copied, file)),
      [],
    );
  });

  test(".dockerignore lets through what is copied, and nothing besides", () => {
    assert.deepEqual([...copied].sort(), [...letThrough].sort());
  });
});
