// npm run check: what a commit must pass before its tests matter: lint and format, types, the house rules.
// All three run, so that one look shows everything.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = `${root}/node_modules/.bin`;
const steps = [
  { name: "lint", command: `${bin}/biome`, args: ["check", "."] },
  { name: "types", command: `${bin}/tsc`, args: ["--noEmit"] },
  { name: "house rules", command: process.execPath, args: ["--test", "test/architecture.test.ts"] },
];

const failed: string[] = [];
for (const { name, command, args } of steps) {
  console.error(`== ${name}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", timeout: 300_000 });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) failed.push(name);
}
console.error(failed.length === 0 ? "check: all well" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
