// Network namespaces joined by cables that a test may pull, fill with loss or cut apart, and programs inside them. Root makes
// them as they are, an ordinary user inside a user namespace of its own.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { hasTool, noNamespaces } from "./understudy-process.ts";

const isRoot = process.getuid?.() === 0;

/** Why there can be none here; false where there can. */
export const noNetworks: string | false =
  noNamespaces || (hasTool("nsenter") ? false : "nsenter (util-linux) is missing") || whyNot("veth");

/** Why several cannot be joined, with loss; false where they can. */
export const noSwitch: string | false = noNetworks || whyNot("bridge") || whyNoLoss();

function whyNot(type: "veth" | "bridge"): string | false {
  const probe = trial("ip", "link", "add", "near", "type", type);
  return probe.status === 0 ? false : `this kernel makes no ${type}: ${probe.stderr?.trim()}`;
}

function whyNoLoss(): string | false {
  const probe = trial("nft", lossRules(1));
  return probe.status === 0 ? false : `nftables drops nothing at random here: ${probe.stderr?.trim()}`;
}

function trial(...words: readonly string[]) {
  return spawnSync("unshare", [...apart(null), ...words], { encoding: "utf8" });
}

/** The words of `unshare` for a network in the user namespace of `within`. */
function apart(within: Network | null): readonly string[] {
  return isRoot || within !== null ? ["--net"] : ["--user", "--map-root-user", "--net"];
}

/** The words of `nsenter` before a command. */
function into(pid: number | undefined): readonly string[] {
  const user = isRoot ? [] : ["--user", "--preserve-credentials"];
  return ["--target", String(pid), ...user, "--net", "--"];
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

/** Networks that are to be joined are opened `within` the first of them: an ordinary user may do nothing between others. */
export async function openNetwork(within: Network | null = null): Promise<Network> {
  const hold = ["unshare", ...apart(within), "sh", "-c", "echo up; exec sleep 300"];
  const [file = "", ...args] = within === null ? hold : ["nsenter", ...into(within.pid), ...hold];
  const holder = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (holder.stdout) await once(holder.stdout, "data");
  const running = new Set<ChildProcess>([holder]);
  const inside = (words: readonly string[]) => [...into(holder.pid), ...words];
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

/** A network that others are plugged into. */
export interface Switch {
  readonly hub: Network;
  /** In order; each has `addresses[index]`. */
  readonly networks: readonly Network[];
  readonly addresses: readonly string[];
  /** Of the hub. */
  readonly hubAddress: string;
  /** From here on every network takes so many of a hundred packets for lost, the hub too; those on loopback never. */
  lose(percent: number): void;
  /** Packets lost that way so far. */
  lost(): number;
  /** Nothing passes between the networks of the one side and the others, nor between that side and the hub. */
  cut(side: readonly number[]): void;
  heal(): void;
  close(): Promise<void>;
}

/** `count` networks around a bridge. */
export async function openSwitch(count: number): Promise<Switch> {
  const hub = await openNetwork();
  const hubAddress = "10.98.0.254";
  hub.run("ip", "link", "add", "switch", "type", "bridge");
  hub.run("ip", "address", "add", `${hubAddress}/24`, "dev", "switch");
  hub.run("ip", "link", "set", "switch", "up");
  const networks: Network[] = [];
  for (let index = 0; index < count; index++) {
    const network = await openNetwork(hub);
    networks.push(network);
    const ends = ["peer", "name", "cable", "netns", String(network.pid)];
    hub.run("ip", "link", "add", `port${index}`, "type", "veth", ...ends);
    hub.run("ip", "link", "set", `port${index}`, "master", "switch", "up");
    network.run("ip", "address", "add", `${addressOf(index)}/24`, "dev", "cable");
    network.run("ip", "link", "set", "cable", "up");
  }
  const addresses = networks.map((_, index) => addressOf(index));
  return {
    ...{ hub, networks, addresses, hubAddress },
    lose: (percent) => {
      for (const network of [hub, ...networks]) network.run("nft", lossRules(percent));
    },
    lost: () =>
      [hub, ...networks]
        .map((network) => /packets (\d+)/.exec(network.run("nft", "list table inet loss"))?.[1])
        .reduce((sum, packets) => sum + Number(packets), 0),
    cut(side) {
      const [one, other] = [addresses.filter((_, index) => side.includes(index)), [hubAddress]];
      other.push(...addresses.filter((_, index) => !side.includes(index)));
      networks.forEach((network, index) => {
        network.run("nft", cutRules(side.includes(index) ? other : one));
      });
      hub.run("nft", cutRules(one));
    },
    heal: () => {
      for (const network of [hub, ...networks]) network.run("nft", "delete table inet cut");
    },
    close: async () => {
      await Promise.all(networks.map((network) => network.close()));
      await hub.close();
    },
  };
}

const addressOf = (index: number): string => `10.98.0.${index + 1}`;

/** What arrives is thrown away by chance, as if it had been lost on the cable. */
function lossRules(percent: number): string {
  return inputRules("loss", `iifname != "lo" numgen random mod 100 < ${percent} counter drop`);
}

function cutRules(from: readonly string[]): string {
  return inputRules("cut", `ip saddr { ${from.join(", ")} } drop`);
}

function inputRules(table: string, rule: string): string {
  const chain = ["chain input {", "type filter hook input priority 0; policy accept;", rule, "}"];
  return [`table inet ${table} {`, ...chain, "}"].join("\n");
}
