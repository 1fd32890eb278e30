// A pool of real `serf` agents, whose gossip is memberlist with its profile for a LAN: killed one at a time, and heard when the
// others say so in their logs.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import type { Pool } from "./kill-rounds.ts";

/** Resolves once all know each other. Rejects where `serf` is missing. */
export async function openSerfPool(size: number): Promise<Pool> {
  const ports = await freePorts(size * 2);
  const agents: ChildProcess[] = [];
  let heard: (who: number, text: string) => void = () => undefined;
  const joined = Array.from({ length: size }, () => new Set<string>());
  const whole = Promise.withResolvers<void>();
  for (let index = 0; index < size; index++) {
    const bind = `127.0.0.1:${ports[index * 2]}`;
    const args = ["agent", `-node=m${index}`, `-bind=${bind}`, `-rpc-addr=127.0.0.1:${ports[index * 2 + 1]}`];
    if (index > 0) args.push(`-retry-join=127.0.0.1:${ports[0]}`, "-retry-interval=1s");
    const agent = spawn("serf", [...args, "-log-level=info"], { stdio: ["ignore", "pipe", "ignore"] });
    agents.push(agent);
    agent.once("error", whole.reject);
    createInterface({ input: agent.stdout }).on("line", (line) => {
      const [, kind, name] = /serf: EventMember(Join|Failed): (\S+)/.exec(line) ?? [];
      if (kind === "Join" && name !== undefined) joined[index]?.add(name);
      if (joined.every((names) => names.size === size)) whole.resolve();
      if (kind === "Failed") heard(index, name ?? "");
    });
  }
  await whole.promise;
  return {
    size,
    onFailed: (hears) => {
      heard = hears;
    },
    nameOf: (index) => `m${index}`,
    kill: (index) => void agents[index]?.kill("SIGKILL"),
    async close() {
      await Promise.all(
        agents.map(async (agent) => {
          if (agent.exitCode !== null || agent.signalCode !== null) return;
          agent.kill("SIGKILL");
          await once(agent, "exit");
        }),
      );
    },
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer().listen(0, "127.0.0.1");
      await once(holder, "listening");
      return holder;
    }),
  );
  const ports = holders.map((holder) => (holder.address() as { port: number }).port);
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}
