// h2load speaking HTTP/1.1 at a fixed rate: what a call waits when nobody is at the limit. Its log has the time of
// every single call, so the quantiles are exact.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cores } from "../machine.ts";
import { runToEnd } from "../processes.ts";
import type { Generator, Load } from "./load.ts";

const connections = 20;
/** Connections start one after the other, or all would send in the same moment and wait for each other. */
const staggerMs = 11;
/** Calls of the first moments are left out: connections open there. */
const leadInUs = 300_000;

/** `folder`: where the log may be written. `perSecond`: calls. */
export function fixedRate(folder: string, perSecond = 2_000): Generator {
  return async (port, request, seconds) => {
    const log = join(folder, `h2load-${port}.log`);
    rmSync(log, { force: true });
    // h2load writes Host itself, from the pseudo-field.
    const headers = request.headers.flatMap(([name, value]) => [
      "-H",
      `${name.toLowerCase() === "host" ? ":authority" : name}: ${value}`,
    ]);
    const payload = join(folder, "body.json");
    if (request.body !== undefined) writeFileSync(payload, request.body);
    const body = request.body === undefined ? [] : ["-d", payload];
    const rate = [`--rps=${perSecond / connections}`, "-n", String(perSecond * seconds)];
    const stagger = ["-r", "1", `--rate-period=${staggerMs}ms`];
    const url = `http://127.0.0.1:${port}${request.path}`;
    const args = [
      "--h1",
      "-c",
      String(connections),
      ...rate,
      ...stagger,
      `--log-file=${log}`,
      ...headers,
      ...body,
      url,
    ];
    await runToEnd({ name: "h2load", command: "h2load", args, core: cores.rest }, (seconds + 10) * 1000);
    return readLog(readFileSync(log, "utf8"));
  };
}

function readLog(text: string): Load {
  const rows = text
    .trim()
    .split("\n")
    .map((line) => line.split("\t").map(Number))
    .map(([startUs = 0, status = 0, us = 0]) => ({ startUs, status, us }));
  const starts = rows.map(({ startUs }) => startUs).sort((a, b) => a - b);
  const beginUs = (starts[0] ?? 0) + leadInUs;
  const counted = rows.filter(({ startUs }) => startUs >= beginUs);
  const times = counted.map(({ us }) => us / 1000).sort((a, b) => a - b);
  const quantile = (share: number): number | null => times[Math.floor(share * (times.length - 1))] ?? null;
  return {
    units: counted.length,
    seconds: ((starts.at(-1) ?? beginUs) - beginUs) / 1e6,
    errors: rows.filter(({ status }) => status !== 200).length,
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
  };
}
