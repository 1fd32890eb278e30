// WebSocket messages that come back, counted one by one.

import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import { calledHost } from "../requests.ts";
import type { Generator } from "./load.ts";

const program = fileURLToPath(new URL("../programs/socket-client.js", import.meta.url));

/** Bytes of a message. */
export const messageBytes = 64;

export function sockets(connections: number, outstanding: number): Generator {
  return async (port, request, seconds) => {
    const numbers = [connections, outstanding, messageBytes, seconds].map(String);
    const args = [program, String(port), request.path, calledHost, ...numbers];
    const launch = { name: "socket-client", command: process.execPath, args, core: cores.rest };
    const output = await runToEnd(launch, (seconds + 10) * 1000);
    const found = /^\{"messages":(\d+),"errors":(\d+)\}$/m.exec(output);
    if (found === null)
      throw new Error(`socket-client: unexpected output ${JSON.stringify(output.slice(-200))}`);
    return { units: Number(found[1]), seconds, errors: Number(found[2]), p50Ms: null, p99Ms: null };
  };
}
