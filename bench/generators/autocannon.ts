// autocannon: a second opinion beside wrk. It is a Node program itself and slower than what it measures, so only the
// proxy's CPU time counts here.

import { cores } from "../machine.ts";
import { benchModule } from "../modules.ts";
import { runToEnd } from "../processes.ts";
import type { Generator } from "./load.ts";

export const autocannon: Generator = async (port, request, seconds) => {
  const headers = request.headers.flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const args = [
    benchModule("autocannon/autocannon.js"),
    ...["-c", "32", "-d", String(seconds), "--json", "--no-progress", ...headers],
    `http://127.0.0.1:${port}${request.path}`,
  ];
  const launch = { name: "autocannon", command: process.execPath, args, core: cores.rest };
  const output = await runToEnd(launch, (seconds + 15) * 1000);
  const result: unknown = JSON.parse(output);
  const number = (path: readonly string[]): number => {
    let value: unknown = result;
    for (const key of path)
      value = typeof value === "object" && value !== null ? Reflect.get(value, key) : null;
    if (typeof value !== "number") throw new Error(`autocannon: expected a number at ${path.join(".")}`);
    return value;
  };
  return {
    units: number(["2xx"]),
    seconds: number(["duration"]),
    errors: number(["errors"]) + number(["non2xx"]),
    p50Ms: number(["latency", "p50"]),
    p99Ms: number(["latency", "p99"]),
  };
};
