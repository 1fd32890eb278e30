// Starts and ends the programs of a measurement. Each is pinned to a core, is known by its pid, and is ended with us.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { raisingShell } from "./open-files.ts";

export interface Running {
  readonly name: string;
  readonly pid: number;
  /** What it said on stderr when it ended by itself; null while it runs. */
  lastWords(): string | null;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/** A server that accepts on a port of the loopback interface. */
export interface Server extends Running {
  readonly port: number;
  /** From the start of the process until it accepted a connection. */
  readonly startMs: number;
}

export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly core: number;
  readonly env?: Readonly<Record<string, string>>;
}

const alive = new Set<ChildProcess>();

/** Runs a program to its end; its standard output. Throws when it fails, with the end of what it wrote on stderr. */
export async function runToEnd(launch: Launch, timeoutMs: number): Promise<string> {
  const child = start(launch, "pipe");
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const complaints = tailOf(child);
  const limit = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code, signal] = await once(child, "close");
  clearTimeout(limit);
  if (code !== 0) throw new Error(`${launch.name} ended with ${code ?? signal}: ${complaints()}`);
  return output;
}

/** Starts a server and waits until it accepts. Throws when it ends first or takes longer than 15 s. */
export async function startServer(launch: Launch, port: number): Promise<Server> {
  const startedAt = performance.now();
  // Its output goes nowhere: an access log costs its making, not our reading.
  const child = start(launch, "ignore");
  const complaints = tailOf(child);
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${launch.name} ended before it accepted: ${complaints()}`);
    if (performance.now() - startedAt > 15_000) {
      await end(child);
      throw new Error(`${launch.name} did not accept on port ${port} within 15 s: ${complaints()}`);
    }
    await delay(2);
  }
  const startMs = performance.now() - startedAt;
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    name: launch.name,
    port,
    startMs,
    pid: child.pid ?? 0,
    lastWords: () =>
      ended() ? `it ended with ${child.exitCode ?? child.signalCode}: ${complaints()}` : null,
    stop: () => end(child),
  };
}

/** Ends all that is left, last started first. */
export async function stopAll(): Promise<void> {
  await Promise.all([...alive].reverse().map(end));
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
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

function start(launch: Launch, stdout: "pipe" | "ignore"): ChildProcess {
  const child = spawn(
    "sh",
    ["-c", raisingShell, "sh", "taskset", "-c", String(launch.core), launch.command, ...launch.args],
    { stdio: ["ignore", stdout, "pipe"], env: { ...process.env, ...launch.env } },
  );
  alive.add(child);
  child.once("close", () => alive.delete(child));
  child.on("error", () => alive.delete(child));
  return child;
}

function tailOf(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-2_000);
  });
  return () => tail.trim();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), 3_000);
  await gone;
  clearTimeout(force);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      settle(true);
    });
    socket.once("error", () => settle(false));
  });
}
