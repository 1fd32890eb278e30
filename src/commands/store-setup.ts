// What a sidecar needs to know of its store, from the configuration and the surroundings.

import { hostname } from "node:os";
import { join } from "node:path";
import type { Config } from "../control/config/load.ts";
import type { StoreOptions } from "../control/rules/follow-store.ts";
import type { Shell } from "./command.ts";

/** null: the rules come from files alone. */
export function storeOptionsOf(
  { store, mesh }: Pick<Config, "store" | "mesh">,
  shell: Shell,
): StoreOptions | null {
  const { url, access, service, namespace } = store;
  if (url === null) return null;
  return {
    ...{ url, access, service, namespace },
    stateDir: store.stateDir ?? usualStateDir(shell),
    memberName: mesh.name ?? memberNameOf(service, shell),
  };
}

/** As the XDG base directory specification has it; null where there is not even a home. */
function usualStateDir({ env }: Shell): string | null {
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, "understudy");
  return env.HOME ? join(env.HOME, ".local", "state", "understudy") : null;
}

/** Tells sidecars apart: those of several hosts, and several on one. */
export function memberNameOf(service: string | null, { pid }: Shell): string {
  const parts = [...(service === null ? [] : [service]), hostname(), String(pid)];
  return parts
    .join("-")
    .replace(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "")
    .slice(0, 200);
}
