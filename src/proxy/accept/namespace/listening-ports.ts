// Notices which ports the command listens on, by looking at the kernel's table of the namespace now and then.

import { readFile } from "node:fs/promises";
import type { Clock, Timer } from "../../../core/clock.ts";
import { redirectPort } from "./network.ts";

const firstLookMs = 100;
const pauseMs = 500;
/** With many sockets a look is dear: it may take at most one part in so many of the time. */
const thrift = 50;
// Linux: include/net/tcp_states.h.
const TCP_LISTEN = "0A";
/** The kernel's default range of ports that are handed out (ip_local_port_range): tests and debuggers use them. */
const firstEphemeralPort = 32_768;

/** Ports in state LISTEN in the text of /proc/net/tcp or tcp6, without ours and the ephemeral ones. */
export function listeningPorts(table: string): readonly number[] {
  const ports = new Set<number>();
  for (const line of table.split("\n").slice(1)) {
    // sl, local_address, rem_address, st
    const [, local = "", , state] = line.trim().split(/\s+/);
    const port = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
    if (state === TCP_LISTEN && port !== redirectPort && port < firstEphemeralPort) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}

/**
 * Calls `noticed` once for each port, while the signal is not aborted. `pid`: a process in the namespace. Ends by
 * itself once that is gone.
 */
export function watchListeningPorts(
  pid: number,
  deps: { readonly clock: Clock; readonly signal: AbortSignal; readonly proc?: string },
  noticed: (port: number) => void,
): void {
  const { clock, signal, proc = "/proc" } = deps;
  const known = new Set<number>();
  const look = async (): Promise<void> => {
    const startedAt = clock.now();
    const tables = await Promise.all(
      ["tcp", "tcp6"].map((name) => readFile(`${proc}/${pid}/net/${name}`, "utf8").catch(() => "")),
    );
    if (signal.aborted || tables.every((table) => table === "")) return;
    for (const port of tables.flatMap(listeningPorts)) {
      if (known.has(port)) continue;
      known.add(port);
      noticed(port);
    }
    arm(Math.max(pauseMs, (clock.now() - startedAt) * thrift));
  };
  let timer: Timer | null = null;
  const arm = (delayMs: number) => {
    timer = clock.after(delayMs, () => void look(), { background: true });
  };
  signal.addEventListener("abort", () => timer?.cancel(), { once: true });
  arm(firstLookMs);
}
