// h2load speaking HTTP/2 as fast as it can, with prior knowledge.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import type { Generator } from "./load.ts";

export interface Http2Load {
  readonly connections: number;
  /** Of each connection at once. */
  readonly streams: number;
  /** A path for every tenth request; null: all ask for the same. */
  readonly oneInTen: string | null;
}

/** `folder`: where a body may be written. */
export function h2load({ connections, streams, oneInTen }: Http2Load, folder: string): Generator {
  return async (port, request, seconds) => {
    const headers = request.headers.flatMap(([name, value]) => [
      "-H",
      `${name.toLowerCase() === "host" ? ":authority" : name.toLowerCase()}: ${value}`,
    ]);
    const url = (path: string) => `http://127.0.0.1:${port}${path}`;
    const urls =
      oneInTen === null ? [url(request.path)] : [...Array(9).fill(url(request.path)), url(oneInTen)];
    const shape = ["-c", String(connections), "-m", String(streams), "-D", String(seconds)];
    const payload = join(folder, "body.bin");
    if (request.body !== undefined) writeFileSync(payload, request.body, "latin1");
    const body = request.body === undefined ? [] : ["-d", payload];
    const args = [...shape, ...headers, ...body, ...urls];
    const launch = { name: "h2load", command: "h2load", args, core: cores.rest };
    const output = await runToEnd(launch, (seconds + 15) * 1000);
    const found = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(output);
    if (found === null) throw new Error(`h2load: unexpected output ${JSON.stringify(output.slice(-200))}`);
    const [good = 0, ...bad] = found.slice(1).map(Number);
    return {
      units: good,
      seconds,
      errors: bad.reduce((sum, count) => sum + count, 0),
      p50Ms: null,
      p99Ms: null,
    };
  };
}
