// Real `serf` agents for tests: each on loopback ports of its own, ended with its test.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { freePorts } from "../support/free-port.ts";

const run = promisify(execFile);

export interface SerfAgent {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** The output of a client command, `members` say. */
  ask(...args: readonly string[]): Promise<string>;
  members(): Promise<readonly SerfMember[]>;
  log(): string;
}

export interface SerfMember {
  readonly name: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** False, or why there can be no agent here. */
export async function lacksSerf(): Promise<false | string> {
  return run("serf", ["version"]).then(
    () => false as const,
    () => "needs serf (scripts/components.sh)",
  );
}

export async function startSerf(
  t: TestContext,
  name: string,
  flags: readonly string[] = [],
): Promise<SerfAgent> {
  const [port = 0, rpc = 0] = await freePorts(2);
  const args = ["agent", `-node=${name}`, `-bind=127.0.0.1:${port}`, `-rpc-addr=127.0.0.1:${rpc}`, ...flags];
  const child = spawn("serf", args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  });
  const ask = async (command: string, ...rest: readonly string[]) =>
    (await run("serf", [command, `-rpc-addr=127.0.0.1:${rpc}`, ...rest])).stdout;
  const agent: SerfAgent = {
    name,
    port,
    process: child,
    ask: (command = "info", ...rest) => ask(command, ...rest),
    members: async () =>
      (JSON.parse(await ask("members", "-format=json")) as { members: SerfMember[] }).members,
    log: () => log,
  };
  await eventually(
    `${name} answers`,
    () => ask("info").then(() => true),
    () => log,
  );
  return agent;
}

/** Waits until the check is true; a check that throws is not. Fails with what `detail` says after 30 s. */
export async function eventually(
  what: string,
  check: () => Promise<boolean> | boolean,
  detail: () => unknown = () => "",
): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  while (performance.now() < giveUpAt) {
    if (
      await Promise.resolve()
        .then(check)
        .catch(() => false)
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`did not happen in time: ${what}\n${String(detail())}`);
}
