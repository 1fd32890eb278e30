// The processes of a demo: started on free ports, ended with it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const alive = new Set<ChildProcess>();

/** What becomes of its stdout; `lines`: they go where those of stderr go. */
export type Stdout = "inherit" | "ignore" | "lines";

/** Runs Node on a program; each line that it writes on stderr goes to `onLine`. */
export function startNode(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
  stdout: Stdout = "inherit",
): ChildProcess {
  return start(process.execPath, args, env, onLine, stdout);
}

/** The same with any program. */
export function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
  stdout: Stdout = "inherit",
): ChildProcess {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", stdout === "lines" ? "pipe" : stdout, "pipe"],
  });
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface(stream).on("line", onLine);
  return child;
}

/** Its exit code; waits 5 s at most before it uses force. */
export async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await exit;
    clearTimeout(force);
  }
  return child.exitCode;
}

export async function stopAll(): Promise<void> {
  await Promise.all([...alive].map(stop));
}

/** Before an exit that cannot wait. */
export function killAll(): void {
  for (const child of alive) child.kill("SIGKILL");
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** Whether somebody accepts connections there. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}

/** Tries until `attempt` is content. Throws after `timeoutMs`, naming what it waited for. */
export async function until(what: string, timeoutMs: number, attempt: () => Promise<boolean>): Promise<void> {
  const givesUpAt = performance.now() + timeoutMs;
  while (!(await attempt().catch(() => false))) {
    if (performance.now() > givesUpAt) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await delay(50);
  }
}
