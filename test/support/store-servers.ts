// Real etcd and Consul servers on loopback, alone or three of them, each a process that a test may pause, kill and start
// again on its data. Needs what scripts/components.sh fetches.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyValueStore } from "../../src/control/rules/kv/key-value-store.ts";
import { openStore } from "../../src/control/rules/kv/open-store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { noAccess, type StoreAccess } from "../../src/core/store-access.ts";
import { parseStoreUrl } from "../../src/core/store-url.ts";
import { freePorts } from "./free-port.ts";

export type StoreKind = "consul" | "etcd";

const components =
  process.env.UNDERSTUDY_COMPONENTS ??
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "understudy/components");
/** The servers, which are the clients too. */
export const programs = {
  consul: join(components, "consul-1.8.7/usr/bin/consul"),
  etcd: "/usr/bin/etcd",
} as const;

/** For `skip`: false where the program is there. */
export function lacks(kind: StoreKind): string | false {
  return existsSync(programs[kind]) ? false : `needs ${kind} (scripts/components.sh)`;
}

export interface StoreServer {
  readonly port: number;
  /** Where servers of Consul speak to each other. */
  readonly rpcPort: number;
  /** Where agents of Consul gossip. */
  readonly serfPort: number;
  readonly isUp: () => boolean;
  /** SIGSTOP, and until it stands still: the kernel stops its threads one by one. */
  pause(): Promise<void>;
  resume(): void;
  /** kill -9, and until it is gone. */
  kill(): Promise<void>;
  /** Again, on the same ports and data. */
  start(): void;
  /** Forgets everything; only while it is not running. */
  wipe(): void;
}

export interface StoreCluster {
  readonly kind: StoreKind;
  readonly servers: readonly StoreServer[];
  /** `consul://127.0.0.1:PORT`, with as many hosts as there are servers. */
  readonly url: string;
  /** A client of its own; the caller closes it. */
  client(access?: Partial<StoreAccess>): Promise<KeyValueStore>;
  /** Resolves once a quorum answers. */
  ready(): Promise<void>;
  /** The server that leads. */
  leader(): Promise<StoreServer>;
  /** Ends all and removes their data. */
  close(): Promise<void>;
}

/** Resolves once all of them answer. */
export async function startCluster(
  kind: StoreKind,
  count: 1 | 3,
  extra: readonly string[] = [],
): Promise<StoreCluster> {
  const folder = mkdtempSync(join(memoryFolder(), `understudy-${kind}-`));
  const ports = await freePorts(count * 3);
  const own = (index: number) => ports.slice(index * 3, index * 3 + 3);
  const args = kind === "consul" ? consulArgs : etcdArgs;
  const servers = Array.from({ length: count }, (_, index) =>
    serverOf(kind, join(folder, `n${index}`), own(index), [
      ...args(
        index,
        Array.from({ length: count }, (_each, other) => own(other)),
        join(folder, `n${index}`),
      ),
      ...extra,
    ]),
  );
  for (const server of servers) server.start();
  const url = `${kind}://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const client = async (access: Partial<StoreAccess> = {}) => {
    const parsed = parseStoreUrl(url);
    if (!parsed) throw new Error(url);
    return openStore(parsed, { ...noAccess, ...access }, { clock: systemClock, random: systemRandom });
  };
  const cluster: StoreCluster = {
    ...{ kind, servers, url, client },
    ready: () => eventually(`${kind} answers`, () => leaderPort(kind, servers).then((port) => port !== null)),
    async leader() {
      const port = await leaderPort(kind, servers);
      return servers.find((server) => server.port === port) ?? Promise.reject(new Error("nobody leads"));
    },
    async close() {
      await Promise.all(servers.map((server) => server.kill()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await cluster.ready();
  } catch (thrown) {
    await cluster.close();
    throw thrown;
  }
  return cluster;
}

/** etcd and Consul wait for the disk at each write, which takes seconds while others fill it; they need not outlast a test. */
function memoryFolder(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

function serverOf(
  kind: StoreKind,
  data: string,
  ports: readonly number[],
  args: readonly string[],
): StoreServer {
  const [port = 0, rpcPort = 0, serfPort = 0] = ports;
  let child: ChildProcess | null = null;
  return {
    port,
    rpcPort,
    serfPort,
    isUp: () => child !== null,
    start() {
      child = spawn(programs[kind], args, { stdio: "ignore", env: { PATH: process.env.PATH } });
    },
    async pause() {
      const pid = child?.pid;
      if (pid === undefined) throw new Error(`${kind} is not running`);
      process.kill(pid, "SIGSTOP");
      while (!standsStill(pid)) await new Promise((resolve) => setImmediate(resolve));
    },
    resume: () => void child?.kill("SIGCONT"),
    async kill() {
      const ending = child;
      child = null;
      if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = once(ending, "exit");
      ending.kill("SIGKILL");
      await ended;
    },
    wipe: () => rmSync(data, { recursive: true, force: true }),
  };
}

/** Whether all threads of a process are stopped (proc_pid_stat(5)). */
function standsStill(pid: number): boolean {
  const stateOf = (thread: string): string => {
    const file = `/proc/${pid}/task/${thread}/stat`;
    if (!existsSync(file)) return "gone"; // it ended since they were counted
    const stat = readFileSync(file, "utf8");
    return stat.charAt(stat.lastIndexOf(")") + 2);
  };
  return readdirSync(`/proc/${pid}/task`).every((thread) => stateOf(thread) === "T");
}

function etcdArgs(index: number, ports: readonly (readonly number[])[], data: string): readonly string[] {
  const [client = 0, peer = 0] = ports[index] ?? [];
  const peers = ports.map(([, other], at) => `n${at}=http://127.0.0.1:${other}`).join(",");
  return [
    ...["--name", `n${index}`, "--data-dir", data, "--log-level", "error", "--logger", "zap"],
    ...["--listen-client-urls", `http://127.0.0.1:${client}`],
    ...["--advertise-client-urls", `http://127.0.0.1:${client}`],
    ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
    ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
    ...["--initial-cluster", peers],
    ...["--heartbeat-interval", "50", "--election-timeout", "500"],
  ];
}

function consulArgs(index: number, ports: readonly (readonly number[])[], data: string): readonly string[] {
  const [http, rpc, serf] = ports[index] ?? [];
  const others = ports.filter((_, at) => at !== index).map(([, , other]) => `127.0.0.1:${other}`);
  return [
    ...["agent", "-server", `-bootstrap-expect=${ports.length}`, `-node=n${index}`, `-data-dir=${data}`],
    ...["-bind=127.0.0.1", "-client=127.0.0.1", `-http-port=${http}`, `-server-port=${rpc}`],
    ...[`-serf-lan-port=${serf}`, "-serf-wan-port=-1", "-dns-port=-1", "-grpc-port=-1"],
    ...["-hcl=performance{raft_multiplier=1}", "-hcl=disable_update_check=true", "-log-level=err"],
    ...["-hcl=leave_on_terminate=false", "-retry-interval=1s"],
    ...others.map((other) => `-retry-join=${other}`),
  ];
}

async function leaderPort(kind: StoreKind, servers: readonly StoreServer[]): Promise<number | null> {
  for (const { port, rpcPort } of servers.filter((server) => server.isUp())) {
    const leads = await (kind === "consul" ? consulLeads(port, rpcPort) : etcdLeads(port)).catch(() => false);
    if (leads) return port;
  }
  return null;
}

async function consulLeads(port: number, rpcPort: number): Promise<boolean> {
  const get = (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1_000) });
  // Leads, and can prove it by a read that needs a majority.
  const leader = await (await get("/v1/status/leader")).json();
  const proof = await get("/v1/kv/understudy?consistent&keys");
  await proof.arrayBuffer();
  return leader === `127.0.0.1:${rpcPort}` && (proof.ok || proof.status === 404 || proof.status === 403);
}

async function etcdLeads(port: number): Promise<boolean> {
  const post = async (path: string, body: object) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(1_000),
    })) as Response;
  const status = (await (await post("/v3/maintenance/status", {})).json()) as {
    leader?: string;
    header?: { member_id?: string };
  };
  const proof = await post("/v3/kv/range", { key: Buffer.from("a").toString("base64") });
  const text = await proof.text();
  return status.leader === status.header?.member_id && (proof.ok || text.includes("user name is empty"));
}

/** Looks again and again, for at most 30 s. */
export async function eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + 30_000;
  while (!(await look())) {
    if (performance.now() > endsAt) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Compacts the history of an etcd up to now. */
export function compactEtcd(port: number): void {
  const etcdctl = (...args: readonly string[]) =>
    execFileSync("etcdctl", ["--endpoints", `127.0.0.1:${port}`, ...args], {
      env: { PATH: process.env.PATH, ETCDCTL_API: "3" },
      encoding: "utf8",
    });
  const [found] = JSON.parse(etcdctl("endpoint", "status", "-w", "json")) as [
    { Status: { header: { revision: number } } },
  ];
  etcdctl("compact", String(found.Status.header.revision));
}
