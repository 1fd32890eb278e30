// WebSocket messages through an upgraded connection: what one costs where no rule concerns it, and where rules look into
// every one and change none.

import { fileURLToPath } from "node:url";
import { messageBytes, sockets } from "../generators/sockets.ts";
import { cores } from "../machine.ts";
import { haproxyHttp } from "../peers/haproxy.ts";
import { socketRelay } from "../peers/node-programs.ts";
import { understudy, understudyLooking } from "../peers/understudy.ts";
import { freePort, type Server, startServer } from "../processes.ts";
import { echoRequest } from "../requests.ts";
import { compare } from "../slices.ts";
import { type Scenario, type ScenarioResult, type Surroundings, startPeers, stopPeers } from "./scenario.ts";

const echo = fileURLToPath(new URL("../programs/socket-echo.js", import.meta.url));
const connections = 32;

export const socketScenarios: readonly Scenario[] = [1, 16].map((outstanding) => {
  const name = `websocket-${outstanding}`;
  const title = `WebSocket echo, ${messageBytes} bytes, ${connections} connections, ${outstanding} outstanding on each`;
  return { name, title, run: (surroundings) => runSockets({ name, title }, outstanding, surroundings) };
});

async function runSockets(
  named: Pick<ScenarioResult, "name" | "title">,
  outstanding: number,
  surroundings: Surroundings,
): Promise<ScenarioResult> {
  const frame = { ...named, unit: "message", reference: haproxyHttp.id, rows: [], facts: [] } as const;
  const upstream = await startEcho();
  const peers = [haproxyHttp, understudy(1_000), understudyLooking, socketRelay];
  const { servers, leftOut } = await startPeers(peers, { ...surroundings, upstream });
  try {
    const [first, ...others] = servers;
    if (first === undefined || first.name !== haproxyHttp.id) return { ...frame, leftOut };
    const { rows, failed } = await compare(first, others, {
      generator: sockets(connections, outstanding),
      request: echoRequest,
      rounds: surroundings.options.slices,
      seconds: surroundings.options.seconds,
      signal: surroundings.signal,
      progress: surroundings.progress,
    });
    return { ...frame, rows, leftOut: [...leftOut, ...failed] };
  } finally {
    await stopPeers([...servers, upstream]);
  }
}

async function startEcho(): Promise<Server> {
  const port = await freePort();
  const args = [echo, String(port), String(messageBytes)];
  return startServer({ name: "socket-echo", command: process.execPath, args, core: cores.rest }, port);
}
