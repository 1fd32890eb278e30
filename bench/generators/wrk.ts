// wrk: as many requests as 32 connections carry.

import { fileURLToPath } from "node:url";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import type { RequestShape } from "../requests.ts";
import type { Generator, Load } from "./load.ts";

const script = fileURLToPath(new URL("./wrk.lua", import.meta.url));
const connections = 32;

export const wrk: Generator = over((port) => `http://127.0.0.1:${port}`);
/** By name, so that there is an SNI. */
export const wrkSecure: Generator = over((port) => `https://localhost:${port}`);

function over(base: (port: number) => string): Generator {
  return (port, request, seconds) => run(`${base(port)}${request.path}`, request, seconds);
}

async function run(url: string, request: RequestShape, seconds: number): Promise<Load> {
  const headers = request.headers.flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const args = [`-t1`, `-c${connections}`, `-d${seconds}s`, "-s", script, ...headers];
  const launch = {
    name: "wrk",
    command: "wrk",
    args: [...args, url, ...(request.body === undefined ? [] : ["--", request.body])],
    core: cores.rest,
  };
  const output = await runToEnd(launch, (seconds + 10) * 1000);
  const found = /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output);
  if (found === null)
    throw new Error(`wrk: expected a RESULT line, got ${JSON.stringify(output.slice(-500))}`);
  const [requests = 0, durationUs = 1, errors = 0, p50Us = 0, p99Us = 0] = found.slice(1).map(Number);
  return {
    units: requests,
    seconds: durationUs / 1e6,
    errors,
    p50Ms: p50Us / 1000,
    p99Ms: p99Us / 1000,
  };
}
