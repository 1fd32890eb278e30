// npm run build: makes dist, which is what the package ships: bundled JavaScript and type declarations, no TypeScript at
// run time and no tests. Files that are not TypeScript are copied to where the code that reads them sees itself.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { playgroundFiles, sourceOf } from "../src/control/admin/playground/files.ts";
import { bundle } from "./bundle.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = join(root, "src");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
const declared = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
  timeout: 300_000,
});
if (declared.error !== undefined) console.error(`tsc: ${declared.error.message}`);
if (declared.status !== 0) process.exit(1);
const bundled = await bundle(sources, dist);
writeFileSync(join(dist, "LICENSES.txt"), licencesOf(bundled.packages));

cpSync(sources, dist, {
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
console.error(`build: dist is ready, ${bundled.files.length} files of code`);

/** The licences of packages whose code is in ours, which each of them asks to be kept with copies of it. */
function licencesOf(packages: readonly string[]): string {
  const texts = packages.map((name) => {
    const folder = join(root, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = ["LICENSE", "LICENSE.md", "LICENCE"].map((known) => join(folder, known)).find(existsSync);
    if (file === undefined) throw new Error(`build: ${name} is bundled, but has no licence to keep with it`);
    return `${name} ${version}\n\n${readFileSync(file, "utf8").trim()}\n`;
  });
  return ["The code of this package contains parts of these.\n", ...texts].join(`\n${"-".repeat(72)}\n`);
}

/** Lines of code that hold a relative path to a `.ts` file; imports are bundled, other strings are not. */
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
