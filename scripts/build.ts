// npm run build: compiles src into dist, which is what the package ships: JavaScript and type declarations, no
// TypeScript at run time and no tests. Files that are not TypeScript are copied beside the code that reads them.

import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { playgroundFiles, sourceOf } from "../src/control/admin/playground/files.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
  timeout: 300_000,
});
if (compiled.error !== undefined) console.error(`tsc: ${compiled.error.message}`);
if (compiled.status !== 0) process.exit(1);

cpSync(join(root, "src"), dist, {
  recursive: true,
  filter: (path) => !path.endsWith(".ts"),
});

// What browsers load, with its licences: the packages that it comes from are not installed beside ours.
for (const file of playgroundFiles) {
  if (file.from === null) continue;
  const copy = join(dist, "control/admin/playground", file.name);
  const [pkg = ""] = file.from.split("/");
  cpSync(sourceOf(file), copy);
  cpSync(sourceOf({ ...file, from: `${pkg}/LICENSE` }), `${copy}.LICENSE`);
}

const leftovers = sourcePathsIn(dist);
if (leftovers.length > 0) {
  console.error("build: compiled code still names TypeScript files, which a package does not have:");
  for (const leftover of leftovers) console.error(`  ${leftover}`);
  process.exit(1);
}
console.error("build: dist is ready");

/** Lines of compiled code that hold a relative path to a `.ts` file; imports are rewritten, other strings are not. */
function sourcePathsIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js"))
    .flatMap((name) =>
      readFileSync(join(folder, name), "utf8")
        .split("\n")
        .map((line, index) => ({ line, place: `dist/${name}:${index + 1}` })),
    )
    .filter(({ line }) => /["'`]\.{1,2}\/[^"'`]*\.ts["'`]/.test(line) && !/^\s*(\/\/|\*)/.test(line))
    .map(({ line, place }) => `${place}: ${line.trim()}`);
}
