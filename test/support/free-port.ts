// Ports for programs that are told theirs instead of taking any: below those that the system gives out by itself (port 0 and
// connections going out), so that nobody beside us takes one between its choice and its use, or while its program restarts.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Linux gives out 32768 and above (net.ipv4.ip_local_port_range). */
const range = { from: 10_000, to: 32_768 } as const;
const tries = 50;

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** So many, each another one. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const holders: Server[] = [];
  const ports: number[] = [];
  for (let left = tries + count; ports.length < count; left--) {
    if (left === 0) throw new Error(`no ${count} ports are free from ${range.from} on`);
    const port = randomInt(range.from, range.to);
    const holder = createServer().listen(port, "127.0.0.1");
    const isFree = await once(holder, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    holders.push(holder);
    ports.push(port);
  }
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}
