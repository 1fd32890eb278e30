// A new TLS connection with a full handshake for every request, 8 at once.

import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import type { Generator } from "./load.ts";

const program = fileURLToPath(new URL("../programs/handshake-client.js", import.meta.url));
const connections = 8;

export const handshakes: Generator = async (port, request, seconds) => {
  const args = [program, String(port), request.path, String(connections), String(seconds)];
  const launch = { name: "handshake-client", command: process.execPath, args, core: cores.rest };
  const output = await runToEnd(launch, (seconds + 15) * 1000);
  const found = /^\{"requests":(\d+),"errors":(\d+)\}$/m.exec(output);
  if (found === null)
    throw new Error(`handshake-client: unexpected output ${JSON.stringify(output.slice(-200))}`);
  return { units: Number(found[1]), seconds, errors: Number(found[2]), p50Ms: null, p99Ms: null };
};
