// Runs the real program as a process, as root and as an ordinary user, and tells what a test may not do here and why.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
const deadlineMs = 60_000;
const nobody = 65_534;

export interface User {
  readonly name: string;
  /** Words before the program's own. */
  readonly prefix: readonly string[];
  /** Why this user cannot be had here; false where they can. */
  readonly skip: string | false;
}

const isRoot = process.getuid?.() === 0;

/** Root, and somebody without any right. */
export const users: readonly User[] = [
  { name: "root", prefix: [], skip: isRoot ? false : "needs root" },
  isRoot
    ? {
        name: "an ordinary user",
        prefix: ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"],
        skip: whyNobodyCannot(),
      }
    : { name: "an ordinary user", prefix: [], skip: false },
];

function whyNobodyCannot(): string | false {
  const words = [
    "setpriv",
    `--reuid=${nobody}`,
    `--regid=${nobody}`,
    "--clear-groups",
    process.execPath,
    program,
  ];
  const { status, error } = spawnSync(words[0] ?? "", [...words.slice(1), "--version"], { stdio: "ignore" });
  if (error) return "setpriv (util-linux) is missing";
  return status === 0 ? false : `uid ${nobody} cannot read this checkout`;
}

/** Why namespaces cannot be tested here; false where they can. */
export const noNamespaces: string | false = (() => {
  for (const [tool, from] of [
    ["unshare", "util-linux"],
    ["nft", "nftables"],
    ["ip", "iproute2"],
  ] as const) {
    if (!hasTool(tool)) return `${tool} (${from}) is missing`;
  }
  const flags = isRoot ? ["--net"] : ["--user", "--map-root-user", "--net"];
  const probe = spawnSync("unshare", [...flags, "true"], { encoding: "utf8" });
  return probe.status === 0 ? false : `namespaces are not allowed here: ${probe.stderr.trim()}`;
})();

/** True where the program is in PATH or in the administrators' folders. */
export function hasTool(name: string): boolean {
  try {
    execFileSync("sh", ["-c", 'PATH="$PATH:/usr/sbin:/sbin" command -v "$0"', name], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** Pid of `understudy` itself. */
  readonly pid: number;
  /** Resolves once the text has been seen on that stream; rejects when the program ends before. */
  seen(stream: "stdout" | "stderr", text: string | RegExp): Promise<RegExpExecArray>;
  readonly finished: Promise<Finished>;
}

/** Starts `understudy ARGS…`; killed after a minute, so that a test never hangs. */
export function startUnderstudy(
  args: readonly string[],
  options: {
    user?: User;
    env?: Readonly<Record<string, string>>;
    cwd?: string;
    /** In a process group of its own, for signals to all of it. */
    group?: boolean;
  } = {},
): Running {
  const words = [...(options.user?.prefix ?? []), process.execPath, program, ...args];
  const child = spawn(words[0] ?? "", words.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...withoutRunner(process.env), ...options.env },
    detached: options.group === true,
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  const text = { stdout: "", stderr: "" };
  const waiters = new Set<() => void>();
  const look = () => {
    for (const waiter of [...waiters]) waiter();
  };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
      look();
    });
  }
  const watchdog = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const finished = new Promise<Finished>((resolve) => {
    child.once("close", (code, signal) => {
      clearTimeout(watchdog);
      resolve({ code, signal, ...text });
      look();
    });
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    finished,
    seen: (stream, wanted) =>
      new Promise((resolve, reject) => {
        const pattern = typeof wanted === "string" ? new RegExp(escapePattern(wanted)) : wanted;
        const waiter = () => {
          const found = pattern.exec(text[stream]);
          if (!found && child.exitCode === null && child.signalCode === null) return;
          waiters.delete(waiter);
          if (found) resolve(found);
          else reject(new Error(`${pattern} was not seen on ${stream}: ${text.stdout}\n${text.stderr}`));
        };
        waiters.add(waiter);
        waiter();
      }),
  };
}

/** Runs to the end. */
export function understudy(
  args: readonly string[],
  options: Parameters<typeof startUnderstudy>[1] = {},
): Promise<Finished> {
  return startUnderstudy(args, options).finished;
}

/** The test runner's own variables would make a Node under test report to it. */
function withoutRunner(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _context, NODE_V8_COVERAGE: _coverage, NODE_OPTIONS: _options, ...rest } = env;
  return rest;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Pids of all processes below `pid`, itself left out. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const found = [pid];
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found.slice(1);
}

/** Processes that live in that network namespace (`net:[…]`). */
export function processesInNetwork(network: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && networkOf(Number(name)) === network)
    .map(Number);
}

/** "" where the process is gone. */
export function networkOf(pid: number | "self"): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return "";
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Polls until `holds`, or fails after 20 s telling `what` did not come true. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
