// The packages that only the measurements need live in bench/node_modules, installed when they are first asked for.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** Absolute path of a file of an installed package. */
export function benchModule(path: string): string {
  return `${folder}node_modules/${path}`;
}

/** Installs bench/package-lock.json unless that was done before. False, with a word on stderr, when it failed. */
export function installModules(): boolean {
  if (existsSync(benchModule(".package-lock.json"))) return true;
  process.stderr.write("bench: installing the peers that are npm packages into bench/node_modules\n");
  // Not `npm ci`, which refuses a lock file without mockttp's optional tls-impersonate: it is not to be had everywhere.
  const done = spawnSync("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    timeout: 300_000,
  });
  if (done.status !== 0)
    process.stderr.write(
      "bench: npm install failed; http-proxy, undici, mockttp and autocannon are left out\n",
    );
  return done.status === 0;
}
