// What a sidecar says of itself to the whole mesh, in the 512 bytes of tags that every member carries for every other.

import { createHash } from "node:crypto";
import type { AppHealth } from "../../../core/app-health.ts";
import { type FaultStop, formatStop, neverStopped, parseStop } from "../../../core/fault-stop.ts";

export type SidecarState = "serving" | "draining" | "failing";

export interface SidecarFacts {
  readonly version: string;
  readonly service: string | null;
  readonly namespace: string | null;
  readonly zone: string | null;
  readonly state: SidecarState;
  /** null: it is not asked for. */
  readonly app: AppHealth | null;
  /** Of the rules in force, as `shortRevision` has it; "" where there are none. */
  readonly revision: string;
  /** Every write to the store up to this one is in force, or does not concern this sidecar; null: it follows no store. */
  readonly index: number | null;
  /** Why the newest rules are not in force. */
  readonly rulesRefused: boolean;
  /** Rules that may harm somebody at present. */
  readonly faults: number;
  readonly stop: FaultStop;
}

const states: readonly SidecarState[] = ["serving", "draining", "failing"];
const healths: readonly AppHealth[] = ["unknown", "passing", "failing"];
const maxVersion = 32;

/** Twelve hexadecimal digits that stand for a revision of any length. */
export function shortRevision(revision: string): string {
  return revision === "" ? "" : createHash("sha256").update(revision).digest("hex").slice(0, 12);
}

/** What is empty or as usual is left out. */
export function tagsOfSidecar(facts: SidecarFacts): ReadonlyMap<string, string> {
  const { version, service, namespace, zone, state, app, revision, index, rulesRefused, faults, stop } =
    facts;
  const all: readonly (readonly [string, string])[] = [
    ["role", "understudy"],
    ["version", version.slice(0, maxVersion)],
    ["service", service ?? ""],
    ["namespace", namespace ?? ""],
    ["zone", zone ?? ""],
    ["state", state],
    ["app", app ?? ""],
    ["rules", revision],
    ["index", index === null ? "" : String(index)],
    ["refused", rulesRefused ? "1" : ""],
    ["faults", faults === 0 ? "" : String(faults)],
    ["stop", formatStop(stop)],
  ];
  return new Map(all.filter(([, value]) => value !== ""));
}

/** null: that member is no sidecar. What makes no sense is as if it had not been said. */
export function sidecarOfTags(tags: ReadonlyMap<string, string>): SidecarFacts | null {
  if (tags.get("role") !== "understudy") return null;
  return {
    version: tags.get("version") ?? "",
    service: tags.get("service") ?? null,
    namespace: tags.get("namespace") ?? null,
    zone: tags.get("zone") ?? null,
    state: states.find((state) => state === tags.get("state")) ?? "serving",
    app: healths.find((health) => health === tags.get("app")) ?? null,
    revision: tags.get("rules") ?? "",
    index: countOf(tags.get("index")),
    rulesRefused: tags.has("refused"),
    faults: countOf(tags.get("faults")) ?? 0,
    stop: parseStop(tags.get("stop") ?? "") ?? neverStopped,
  };
}

function countOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
