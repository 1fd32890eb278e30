// Large downloads on 4 connections, counted in MB.

import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import type { Generator } from "./load.ts";

const program = fileURLToPath(new URL("../programs/bulk-client.js", import.meta.url));
const connections = 4;

export const bulk: Generator = async (port, request, seconds) => {
  const args = [program, String(port), request.path, String(connections), String(seconds)];
  const launch = { name: "bulk-client", command: process.execPath, args, core: cores.rest };
  const output = await runToEnd(launch, (seconds + 10) * 1000);
  const found = /^\{"bytes":(\d+),"requests":(\d+),"errors":(\d+)\}$/m.exec(output);
  if (found === null) throw new Error(`bulk-client: unexpected output ${JSON.stringify(output.slice(-200))}`);
  return { units: Number(found[1]) / 1e6, seconds, errors: Number(found[3]), p50Ms: null, p99Ms: null };
};
