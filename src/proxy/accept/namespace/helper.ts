// Starts one kind of namespace with the helper inside, and waits until it has handed its sockets over.

import { type ChildProcess, spawn } from "node:child_process";
import type { Socket as DatagramSocket } from "node:dgram";
import { createServer, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../../core/clock.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import { fromHelper } from "./messages.ts";
import type { HostNetwork } from "./network.ts";
import { type Isolation, namespaceCommand, toolFolders } from "./recipe.ts";

const startDeadlineMs = 10_000;
const maxComplaintBytes = 4_096;
const backlog = 4_096;

export interface HelperDeps {
  /** The Node that runs the helper. */
  readonly execPath: string;
  /** PATH of the user; unshare, ip and nft are looked for behind it. */
  readonly path: string;
  readonly network: HostNetwork;
  readonly clock: Clock;
}

/** A helper that is ready, with what it bound inside. */
export interface Helper {
  readonly child: ChildProcess;
  readonly servers: readonly Server[];
  readonly dns: readonly DatagramSocket[];
  /** Identity of the network namespace: `net:[4026531840]`. */
  readonly network: string;
  /** The last words of the tools and the helper on their stderr. */
  complaint(): string;
}

/** Rejects with `namespace_unavailable`, telling what the tools said, where this isolation cannot be had. */
export async function startHelper(isolation: Isolation, deps: HelperDeps): Promise<Helper> {
  const child = spawnHelper(isolation, deps);
  const complaint = gatherComplaint(child);
  const servers: Server[] = [];
  const dns: DatagramSocket[] = [];
  const adopting: Promise<void>[] = [];
  const network = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new UnderstudyError("namespace_unavailable", why));
    const timer = deps.clock.after(startDeadlineMs, () => {
      child.kill("SIGKILL");
      fail(`the namespace was not ready within ${startDeadlineMs / 1000} s`);
    });
    child.once("error", (error) => fail(error.message));
    // `close`, not `exit`: the complaint has been read to its end then.
    child.once("close", () => {
      timer.cancel();
      fail(complaint() || "the helper ended without a word");
    });
    child.on("message", (raw, handle) => {
      const message = fromHelper(raw);
      if (message?.kind === "listener") adopting.push(adopt(handle as Server, servers));
      else if (message?.kind === "dns") dns.push(handle as DatagramSocket);
      else if (message?.kind === "ready") {
        timer.cancel();
        resolve(message.network);
      }
    });
  });
  child.removeAllListeners("message");
  await Promise.all(adopting);
  return { child, servers, dns, network, complaint };
}

function spawnHelper(isolation: Isolation, deps: HelperDeps): ChildProcess {
  // Compiled, the helper's file ends in .js, as this one does.
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./entry.${suffix}`, import.meta.url));
  const helper = [deps.execPath, "--max-semi-space-size=1", entry];
  const words = namespaceCommand(
    isolation,
    deps.network,
    isolation.pidNamespace ? helper : [...helper, "sweep"],
  );
  const [file = "", ...args] = words;
  return spawn(file, args, {
    // The command's environment is sent later: NODE_OPTIONS and the like are for the command, not for the helper.
    env: { PATH: `${deps.path}:${toolFolders}`, LC_ALL: "C" },
    // 0 and 1 are the command's own; 2 is for complaints; 3 the channel; 4 becomes the command's stderr.
    stdio: ["inherit", "inherit", "pipe", "ipc", 2],
  });
}

function gatherComplaint(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-maxComplaintBytes);
  });
  return () => text.trim();
}

/** Takes over a listening socket that came through the channel, with the manners that the data plane expects. */
function adopt(received: Server, servers: Server[]): Promise<void> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(received, backlog, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}
