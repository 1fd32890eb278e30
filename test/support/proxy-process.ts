// The program as a process of its own that proxies to one upstream, with an admin port and rules in a file; and what it holds.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));

export interface ProxyProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Writes other rules, which it reads by itself. */
  setRules(yaml: string): void;
  /** The sum over all labels. */
  gauge(name: string): Promise<number>;
  /** The address of its inspector; null where it was not asked for by `--inspect`. */
  readonly inspector: string | null;
  /** Drains it. Answers its exit code. */
  stop(): Promise<number | null>;
}

/** `nodeFlags`: of Node itself. */
export async function startProxy(
  upstreamPort: number,
  rules: string,
  nodeFlags: readonly string[],
): Promise<ProxyProcess> {
  const folder = mkdtempSync(join(tmpdir(), "understudy-proxy-"));
  const file = join(folder, "rules.yaml");
  writeFileSync(file, rules);
  const listens = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const args = [...listens, "--rules", file, "--json", "--to", `127.0.0.1:${upstreamPort}`];
  const child = spawn(process.execPath, [...nodeFlags, entry, "proxy", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const dispose = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk).slice(0, 4_096);
    });
    const { listen, admin } = await started(child);
    return {
      pid: child.pid ?? 0,
      port: Number(listen.proxy.split(":").at(-1)),
      setRules: (yaml) => writeFileSync(file, yaml),
      gauge: (name) => gauge(admin, name),
      get inspector() {
        return /ws:\/\/\S+/.exec(said)?.[0] ?? null;
      },
      async stop() {
        child.kill("SIGTERM");
        const [code] = await once(child, "exit");
        return code;
      },
      async [Symbol.asyncDispose]() {
        dispose();
      },
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

interface Started {
  readonly msg?: string;
  readonly listen: { readonly proxy: string };
  readonly admin: string;
}

async function started({ stdout }: ChildProcess): Promise<Started> {
  if (stdout)
    for await (const line of createInterface({ input: stdout })) {
      const said = JSON.parse(line) as Started;
      if (said.msg !== "started") continue;
      stdout.resume();
      return said;
    }
  throw new Error("the proxy did not start");
}

async function gauge(admin: string, name: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", admin))).text();
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))];
  assert.ok(samples.length > 0, `${name} is not among the metrics`);
  return samples.reduce((sum, sample) => sum + Number(sample[1]), 0);
}

/** Asks until the figure fits, for as long as the sidecar's own linger and deadlines may take. */
export async function until(what: () => string, fits: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  while (!(await fits())) {
    if (deadline.aborted) assert.fail(what());
    await new Promise((resolve) => setImmediate(resolve));
  }
}
