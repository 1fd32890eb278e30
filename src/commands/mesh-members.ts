// Which sidecars live, and which rules each has in force, as the mesh knows it: quicker to see a death than the keys in the
// store, and still there when the store is away.

import type { Member, Members } from "../control/rules/registry/members.ts";
import type { HostPort } from "../core/address.ts";
import { askAdmin } from "./admin-line.ts";
import { type MeshAnswer, readMeshAnswer } from "./mesh-answer.ts";

/** The live members that follow a store, as the sidecar at `admin` knows them. Rejects with `not_found`. */
export function membersInMesh(admin: HostPort): Members {
  return {
    list: async (signal) => membersOf(readMeshAnswer(await askAdmin(admin, "GET", "/mesh", signal))),
  };
}

/** The mesh where it can be asked at this moment and knows sidecars of a store; null otherwise. */
export async function reachableMesh(admin: HostPort, signal: AbortSignal): Promise<Members | null> {
  const members = membersInMesh(admin);
  const found = await members.list(signal).catch(() => []);
  return found.length === 0 ? null : members;
}

function membersOf({ members }: MeshAnswer): readonly Member[] {
  return members.flatMap(({ name, status, since, sidecar }) => {
    if (status !== "alive" || sidecar === null || sidecar.index === null) return [];
    const { service, namespace, revision, index, rulesRefused } = sidecar;
    const problem = rulesRefused ? "the newest rules are refused; its /rules says why" : "";
    const startedAtMs = Date.parse(since);
    return [{ name, service, namespace, revision, index, problem, startedAtMs, atMs: startedAtMs }];
  });
}
