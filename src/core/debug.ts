// Debug lines per area, switched on by UNDERSTUDY_DEBUG=accept,http1 (or *), in the manner of NODE_DEBUG.

import type { Clock } from "./clock.ts";
import { printable } from "./printable.ts";

/** Writes one debug line; `text` is called only where its area is on. Must not throw. */
export type DebugLine = (text: () => string) => void;
/** Gives the debug line of an area, one of `debugAreas`. Ask once, not per call. */
export type Debug = (area: string) => DebugLine;

/** What there is to ask for. */
export const debugAreas = [
  ...["accept", "detect", "decide", "perform", "relay", "http1", "http2", "opaque", "tls"],
  ...["websocket", "grpc", "graphql", "rules", "stores", "faults", "mesh", "main"],
] as const;

/** Names in a value of UNDERSTUDY_DEBUG that mean no area. */
export function unknownDebugAreas(areas: string): readonly string[] {
  return namesIn(areas).filter((pattern) => !debugAreas.some((area) => covers(pattern, area)));
}

const off: DebugLine = () => {};

/** Nobody listens: for tests and for embedding. */
export const noDebug: Debug = () => off;

/**
 * `areas`: the value of UNDERSTUDY_DEBUG: names parted by commas, `*` for all or at the end of a name
 * (`http*`), without regard to case. Lines go to `sink` as `12.345 ACCEPT text`, seconds on the clock.
 */
export function createDebug(
  areas: string | undefined,
  sink: { write(text: string): void },
  clock: Pick<Clock, "now">,
): Debug {
  const wanted = namesIn(areas ?? "");
  if (wanted.length === 0) return noDebug;
  return (area) => {
    const name = area.toLowerCase();
    if (!wanted.some((pattern) => covers(pattern, name))) return off;
    const label = area.toUpperCase();
    return (text) => {
      try {
        const lines = text().split("\n").map(printable);
        sink.write(`${(clock.now() / 1000).toFixed(3)} ${label} ${lines.join("\n")}\n`);
      } catch {
        // A debug line that cannot be made or written is no reason to harm traffic.
      }
    };
  };
}

function namesIn(areas: string): readonly string[] {
  return areas
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function covers(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
