// The sidecar's side of a namespace: makes one, runs a command in it, reaches servers inside, and leaves nothing behind.
//
//     sidecar ── channel ── helper (inside)      sidecar accepts on the listeners that the helper bound
//        ╰──────── accepts ──────── command      and asks it for connections to servers inside
//
// Everything inside ends with the helper, and the helper ends with the sidecar, even by SIGKILL.

import { execFileSync } from "node:child_process";
import type { Socket as DatagramSocket } from "node:dgram";
import type { Server, Socket } from "node:net";
import type { HostPort } from "../../../core/address.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import { findProgram } from "../find-program.ts";
import { type Helper, type HelperDeps, startHelper } from "./helper.ts";
import { createInsideConnections, type InsideConnections } from "./inside-connections.ts";
import { type Cover, type FromHelper, fromHelper, type ToHelper } from "./messages.ts";
import { ownAddresses } from "./network.ts";
import { commandInside, type Isolation, isolationsToTry, requiredPrograms, toolFolders } from "./recipe.ts";
import { sweep } from "./sweep.ts";

const patienceMs = 2_000;

export interface NamespaceDeps extends HelperDeps {
  /** Effective ids; the command keeps them. */
  readonly uid: number;
  readonly gid: number;
  /** Kinds to try, best first; those that fit `uid` where left out. */
  readonly isolations?: readonly Isolation[];
}

/** How a command ended. */
export type Ending =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: NodeJS.Signals }
  | { readonly kind: "not-started"; readonly reason: string };

export interface Namespace {
  /** Listeners for redirected TCP: IPv4, and IPv6 where the kernel has it. The caller's to close. */
  readonly servers: readonly Server[];
  /** Where the DNS queries of the command arrive. The caller's to close. */
  readonly dns: readonly DatagramSocket[];
  readonly isolation: Isolation;
  /** A process in the namespace, as seen from here: `/proc/PID/net` is the inside's. */
  readonly pid: number;
  /** A connection to a server inside; null where the destination is not inside or nobody listens. The caller owns it. */
  connectInside(destination: HostPort, signal: AbortSignal): Promise<Socket | null>;
  /**
   * Runs the one command, on the stdio of this process. `covers` are seen where the isolation has mounts of its own, which it
   * has together with a PID namespace. Rejects with `namespace_unavailable` where the helper dies first.
   */
  execute(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    covers?: readonly Cover[],
  ): Promise<Ending>;
  /** Passes a signal on to the command, unless it received it together with us. */
  signal(signal: NodeJS.Signals): void;
  /** Ends everything inside and resolves once it is gone. */
  close(): Promise<void>;
}

/** Makes the best namespace that this kernel allows. Throws `namespace_unavailable` with what stood in the way. */
export async function openNamespace(deps: NamespaceDeps): Promise<Namespace> {
  const unshare = requireTools(deps.path);
  let reason = "";
  for (const isolation of deps.isolations ?? isolationsToTry(deps.uid)) {
    try {
      return control(await startHelper(isolation, deps), isolation, { ...deps, unshare });
    } catch (thrown) {
      reason = messageOf(thrown);
    }
  }
  throw new UnderstudyError("namespace_unavailable", reason);
}

/** The file of unshare. Throws `namespace_unavailable` naming the program and its package where one is missing. */
function requireTools(path: string): string {
  const files = Object.entries(requiredPrograms).map(([name, from]) => {
    const found = findProgram(name, `${path}:${toolFolders}`, "/");
    if (found.kind === "found") return found.file;
    throw new UnderstudyError("namespace_unavailable", `${name} is not installed (package ${from})`);
  });
  return files[0] ?? "unshare";
}

function control(
  helper: Helper,
  isolation: Isolation,
  deps: NamespaceDeps & { readonly unshare: string },
): Namespace {
  const child = helper.child;
  child.on("error", () => undefined); // a signal to one that has just ended
  const send = (message: ToHelper) => {
    // A helper that is gone is noticed by its exit; a message to it has nobody left to care.
    if (child.connected) child.send(message, () => undefined);
  };
  const inside = createInsideConnections(new Set(ownAddresses(deps.network)), send);
  const gone = watchHelper(helper, isolation, inside);
  return {
    servers: helper.servers,
    dns: helper.dns,
    isolation,
    pid: child.pid ?? 0,
    connectInside: inside.connect,
    execute(command, env, covers = []) {
      const ended = ending(helper, gone);
      const words = commandInside(isolation, deps, command, deps.unshare);
      send({ kind: "execute", words, env, covers: isolation.pidNamespace ? covers : [] });
      return ended;
    },
    signal: (signal) => send({ kind: "signal", signal }),
    async close() {
      // The helper ends without us, and unshare after all that was inside. Killing unshare ends the rest as well,
      // but not before we hear of it.
      if (child.connected) child.disconnect();
      const timer = deps.clock.after(patienceMs, () => child.kill("SIGKILL"));
      await gone;
      timer.cancel();
    },
  };
}

/** Resolves when the namespace is gone, having swept it where the kernel does not. */
function watchHelper(helper: Helper, isolation: Isolation, inside: InsideConnections): Promise<void> {
  helper.child.on("message", (raw, handle) => {
    const message = fromHelper(raw);
    if (message) inside.answered(message, handle as Socket | undefined);
  });
  return new Promise((resolve) => {
    const done = () => {
      inside.close();
      if (!isolation.pidNamespace) sweep(helper.network, [], killAll);
      resolve();
    };
    if (helper.child.exitCode !== null || helper.child.signalCode !== null) done();
    else helper.child.once("exit", done);
  });
}

function ending(helper: Helper, gone: Promise<void>): Promise<Ending> {
  return new Promise((resolve, reject) => {
    helper.child.on("message", (raw) => {
      const ended = readEnding(fromHelper(raw));
      if (ended) resolve(ended);
    });
    void gone.then(() => {
      const said = helper.complaint();
      const why = said === "" ? "" : `: ${said}`;
      reject(
        new UnderstudyError("namespace_unavailable", `the namespace ended before the command did${why}`),
      );
    });
  });
}

function readEnding(message: FromHelper | undefined): Ending | null {
  if (message?.kind === "not-started") return message;
  if (message?.kind !== "ended") return null;
  if (message.signal) return { kind: "killed", signal: message.signal };
  return { kind: "exited", code: message.code ?? 0 };
}

/** Signals through a process of its own, for that is what a stage may do without owning this one. */
function killAll(pids: readonly number[]): void {
  try {
    execFileSync("sh", ["-c", 'kill -9 "$@"', "sh", ...pids.map(String)], { stdio: "ignore" });
  } catch {
    // Some had ended by themselves.
  }
}
