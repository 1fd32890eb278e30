// Network namespaces joined by a cable that a test may pull, and programs inside them.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { hasTool, noNamespaces, users } from "./understudy-process.ts";

/** Why there can be none here; false where there can. */
export const noNetworks: string | false =
  users[0]?.skip ||
  noNamespaces ||
  (hasTool("nsenter") ? false : "nsenter (util-linux) is missing") ||
  whyNoCable();

function whyNoCable(): string | false {
  const words = ["--net", "ip", "link", "add", "near", "type", "veth"];
  const probe = spawnSync("unshare", words, { encoding: "utf8" });
  return probe.status === 0 ? false : `this kernel makes no veth pair: ${probe.stderr?.trim()}`;
}

export interface Network {
  readonly pid: number;
  /** Runs to the end; throws where that is not 0. */
  run(...words: readonly string[]): string;
  /** Killed with the network. */
  start(...words: readonly string[]): ChildProcess;
  /** Ends what runs inside, and the namespace with it. */
  close(): Promise<void>;
}

export async function openNetwork(): Promise<Network> {
  const holder = spawn("unshare", ["--net", "sh", "-c", "echo up; exec sleep 300"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (holder.stdout) await once(holder.stdout, "data");
  const running = new Set<ChildProcess>([holder]);
  const inside = (words: readonly string[]) => ["--target", String(holder.pid), "--net", "--", ...words];
  const network: Network = {
    pid: holder.pid ?? 0,
    run: (...words) => execFileSync("nsenter", inside(words), { encoding: "utf8", timeout: 30_000 }),
    start(...words) {
      const child = spawn("nsenter", inside(words), { stdio: ["pipe", "pipe", "pipe"] });
      running.add(child);
      child.once("exit", () => running.delete(child));
      return child;
    },
    async close() {
      await Promise.all(
        [...running].map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          child.kill("SIGKILL");
          await once(child, "exit");
        }),
      );
    },
  };
  network.run("ip", "link", "set", "lo", "up");
  return network;
}

/** A cable between the two, with 10.99.0.1 at `a` and 10.99.0.2 at `b`. */
export function connectNetworks(a: Network, b: Network): { pull(): void; plug(): void } {
  a.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", String(b.pid));
  for (const [network, address] of [
    [a, "10.99.0.1/24"],
    [b, "10.99.0.2/24"],
  ] as const) {
    network.run("ip", "address", "add", address, "dev", "cable");
    network.run("ip", "link", "set", "cable", "up");
  }
  return {
    // At the far end, so that nothing at the near one fails: packets are just lost.
    pull: () => void a.run("ip", "link", "set", "cable", "down"),
    plug: () => void a.run("ip", "link", "set", "cable", "up"),
  };
}
