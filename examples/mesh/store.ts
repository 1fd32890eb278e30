// Where the rules of the demo lie: etcd or Consul, started on free ports and a folder of its own, or a file.

import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePort, start } from "../processes.ts";

export type Kind = "etcd" | "consul" | "file";

export interface Store {
  readonly url: string;
  /** The shortest lease that it keeps to. */
  readonly lease: string;
  readonly leaseMs: number;
  /** A new process on the old data. */
  start(): ChildProcess;
}

/** The first one that is here. */
export function kindHere(): Kind {
  const found = (["etcd", "consul"] as const).find((kind) => programOf(kind) !== undefined);
  return found ?? "file";
}

/** Connects to nothing yet. Throws where the program is not in PATH. */
export async function storeOf(kind: "etcd" | "consul", folder: string): Promise<Store> {
  const program = programOf(kind);
  if (program === undefined) throw new Error(`${kind} is not in PATH`);
  const port = await freePort();
  const args = kind === "etcd" ? await etcdArgs(port, folder) : await consulArgs(port, folder);
  const leaseMs = kind === "etcd" ? 4_000 : 20_000;
  return {
    url: `${kind}://127.0.0.1:${port}`,
    lease: `${leaseMs / 1_000}s`,
    leaseMs,
    start: () => start(program, args, {}, () => undefined, "ignore"),
  };
}

function programOf(kind: "etcd" | "consul"): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, kind)).find((path) => existsSync(path));
}

async function etcdArgs(port: number, folder: string): Promise<readonly string[]> {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${await freePort()}`];
  return [
    ...["--data-dir", join(folder, "etcd"), "--log-level", "error", "--logger", "zap"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer],
    ...["--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`],
  ];
}

async function consulArgs(port: number, folder: string): Promise<readonly string[]> {
  return [
    ...["agent", "-server", "-bootstrap-expect=1", `-data-dir=${join(folder, "consul")}`, "-bind=127.0.0.1"],
    ...[`-http-port=${port}`, `-server-port=${await freePort()}`, `-serf-lan-port=${await freePort()}`],
    ...["-serf-wan-port=-1", "-dns-port=-1", "-grpc-port=-1", "-log-level=err", "-node=demo"],
    ...["-hcl=performance{raft_multiplier=1}", "-hcl=disable_update_check=true"],
  ];
}
