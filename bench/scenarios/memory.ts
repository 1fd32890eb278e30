// How much memory a proxy holds at rest, and with many idle connections that have each carried one request.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { residentBytes } from "../machine.ts";
import { connectionPairs, raisingShell } from "../open-files.ts";
import { haproxyHttp, haproxyTcp } from "../peers/haproxy.ts";
import { nginxProxy } from "../peers/nginx.ts";
import { httpProxy } from "../peers/node-programs.ts";
import { understudy } from "../peers/understudy.ts";
import type { Server } from "../processes.ts";
import { type Fact, type Scenario, type Surroundings, startPeers, stopPeers } from "./scenario.ts";

const wanted = Math.min(10_000, connectionPairs);
const program = fileURLToPath(new URL("../programs/idle-connections.js", import.meta.url));

export const memory: Scenario = {
  name: "memory",
  title: "Resident memory",
  async run(surroundings) {
    const peers = [
      understudy(10),
      understudy(1_000),
      understudy(100_000),
      haproxyHttp,
      haproxyTcp,
      nginxProxy,
      httpProxy,
    ];
    const facts: Fact[] = [];
    const { servers, leftOut } = await startPeers(peers, surroundings);
    try {
      await delay(2_000, undefined, { signal: surroundings.signal }); // what the start left behind is swept up
      for (const server of servers) facts.push(...(await measure(server, surroundings)));
    } finally {
      await stopPeers(servers);
    }
    return { name: this.name, title: this.title, unit: "request", reference: "", rows: [], facts, leftOut };
  },
};

async function measure(server: Server, surroundings: Surroundings): Promise<readonly Fact[]> {
  surroundings.signal.throwIfAborted();
  const megabytes = (name: string): Fact => {
    return { peer: server.name, name, value: residentBytes(server.pid).now / 1e6, unit: "MB" };
  };
  const idle = megabytes("idle");
  surroundings.progress(`${server.name}: idle ${idle.value.toFixed(0)} MB; opening ${wanted} connections`);
  const client = openConnections(server.port);
  try {
    const { open, failed } = await report(client, surroundings.signal);
    await delay(1_000, undefined, { signal: surroundings.signal });
    const held = megabytes("with idle connections");
    surroundings.progress(
      `${server.name}: ${held.value.toFixed(0)} MB with ${open} connections (${failed} failed)`,
    );
    return [idle, held, { peer: server.name, name: "idle connections", value: open, unit: "" }];
  } finally {
    client.kill("SIGKILL");
  }
}

/** The hard limit of open files decides how many there can be; the report says how many there were. */
function openConnections(port: number): ChildProcess {
  const args = ["-c", raisingShell, "sh", process.execPath, program, String(port), String(wanted)];
  return spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
}

async function report(
  client: ChildProcess,
  signal: AbortSignal,
): Promise<{ readonly open: number; readonly failed: number }> {
  if (client.stdout === null) throw new Error("idle-connections: no output");
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(90_000)]);
  const [line] = await once(createInterface(client.stdout), "line", { signal: deadline });
  const found = /^\{"open":(\d+),"failed":(\d+)\}$/.exec(String(line));
  if (found === null) throw new Error(`idle-connections: unexpected output ${JSON.stringify(line)}`);
  return { open: Number(found[1]), failed: Number(found[2]) };
}
