// What is open behind a redirection. The kernel rewrites each packet of a redirected connection for as long as it lives, by the
// table that caught its first: without one, calls that are under way would hang, since neither side knows the other any more.
// So an empty table carries them to their end.

import { readFileSync } from "node:fs";

/** A table, as nft lists it, in these words: ports to which it redirects, or to which it carries what was open before. */
export interface TablePorts {
  readonly redirected: readonly number[];
  readonly carried: readonly number[];
}

/** Sockets of this network namespace at some ports. */
export interface PortUse {
  /** Of these ports, those where somebody listens. */
  readonly heard: readonly number[];
  /** Connections that were accepted there, or are about to be. */
  readonly open: number;
}

/** Reads what `nft list table` says of a table of ours. */
export function tablePorts(listing: string): TablePorts {
  const redirected = [...listing.matchAll(/redirect to :(\d+)/g)].map(([, port]) => Number(port));
  const set = /ct status dnat tcp dport (?:\{ )?([\d, ]+)/.exec(listing)?.[1] ?? "";
  const carried = set.split(",").flatMap((item) => (item.trim() === "" ? [] : [Number(item)]));
  return { redirected, carried };
}

const states = { established: 0x01, synReceived: 0x03, timeWait: 0x06, close: 0x07, listen: 0x0a } as const;

/** Reads `/proc/net/tcp` and `/proc/net/tcp6`, one text each (proc_net_tcp.txt of the kernel's documentation). */
export function portUse(ports: readonly number[], tables: readonly string[]): PortUse {
  const heard = new Set<number>();
  let open = 0;
  for (const line of tables.flatMap((table) => table.split("\n"))) {
    const [, local = "", , state = "", , , , , , inode] = line.trim().split(/\s+/);
    const port = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
    if (!ports.includes(port)) continue;
    if (isOpen(Number.parseInt(state, 16), inode !== "0")) open++;
    else if (Number.parseInt(state, 16) === states.listen) heard.add(port);
  }
  return { heard: [...heard], open };
}

/** `owned`: by a process. What the kernel alone still closes keeps nobody waiting. */
function isOpen(state: number, owned: boolean): boolean {
  if (state === states.listen || state === states.timeWait || state === states.close) return false;
  return owned || state === states.established || state === states.synReceived;
}

/** The tables of this network namespace. A kernel without IPv6 has one. */
export function readTcpTables(): readonly string[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => {
    try {
      return [readFileSync(file, "utf8")];
    } catch {
      return [];
    }
  });
}
