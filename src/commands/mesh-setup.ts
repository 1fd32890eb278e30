// What a sidecar needs to take part in a mesh, from the configuration and the surroundings.

import { networkInterfaces } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Config } from "../control/config/load.ts";
import type { AppWatchOptions } from "../control/health/app-watch.ts";
import { readKeyring } from "../control/mesh/member/keyring-file.ts";
import { formatHostPort, type HostPort } from "../core/address.ts";
import { UnderstudyError } from "../core/errors.ts";
import { isLoopback } from "../proxy/accept/loop-guard.ts";
import type { MeshOptions } from "../sidecar/mesh.ts";
import type { Shell } from "./command.ts";
import { memberNameOf } from "./store-setup.ts";

/** Config options of the mesh and of the health of the service, which only serving commands have. */
export const meshOptionKeys = [
  ...["gossip", "gossipAdvertise", "join", "name", "gossipKey", "gossipLabel", "gossipPlain", "zone"],
  ...["appHealth", "appHealthInterval", "appHealthDeadline"],
] as const;

/** Bytes of service, namespace and zone together: they travel in the 512 bytes of a member's tags. */
const maxPlaceBytes = 256;

/** null: in no mesh. Rejects with `bad_config`. */
export async function meshOptionsOf(
  { mesh, store }: Pick<Config, "mesh" | "store">,
  shell: Shell,
): Promise<MeshOptions | null> {
  const { gossip, join: targets, keyFile, label, plain, zone } = mesh;
  if (gossip === null) {
    if (targets.length > 0)
      throw bad("join: expected gossip too, the address where this sidecar gossips, got none");
    return null;
  }
  if (targets.some(({ kind }) => kind === "store") && store.url === null)
    throw bad('join: expected a store (--store) for "store:", got none');
  if (keyFile === null && !plain && !isLoopback(gossip.host))
    throw bad(
      `gossip: expected a key (--gossip-key FILE) or an address on loopback, since ${formatHostPort(gossip)} can be ` +
        "reached by others; --gossip-plain lets anybody there take part",
    );
  const { service, namespace } = store;
  if (Buffer.byteLength([service, namespace, zone].join("")) > maxPlaceBytes)
    throw bad(`zone: expected at most ${maxPlaceBytes} characters with service and namespace`);
  const file = keyFile === null ? null : isAbsolute(keyFile) ? keyFile : join(shell.cwd, keyFile);
  return {
    ...{ bind: gossip, join: targets, keyFile: file, label, openWithoutKeys: plain },
    ...{ service, namespace, zone },
    advertise: mesh.advertise ?? (isUnspecified(gossip.host) ? ownAddress(gossip) : null),
    name: mesh.name ?? memberNameOf(service, shell).replaceAll("_", "-").slice(0, 128),
    keys: file === null ? [] : await readKeyring(file),
  };
}

/** null: nobody asks after the service. */
export function appHealthOf({ health }: Pick<Config, "health">): AppWatchOptions | null {
  const { probe, intervalMs, deadlineMs } = health;
  return probe && { probe, intervalMs, deadlineMs };
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** The first address that is not loopback, of the kind that is listened on. */
function ownAddress({ host, port }: HostPort): HostPort {
  const family = host === "0.0.0.0" ? "IPv4" : "IPv6";
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const outward = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80"));
  const found = outward.find((one) => one.family === family) ?? outward[0];
  if (found === undefined || port === 0)
    throw bad(
      `gossipAdvertise: expected the address where others reach this sidecar, since it gossips at ${formatHostPort({ host, port })}`,
    );
  return { host: found.address, port };
}

function bad(message: string): UnderstudyError {
  return new UnderstudyError("bad_config", message);
}

/** The part of a help text about the mesh. */
export const meshFlagsHelp = `Flags of the mesh (docs/mesh.md):
  --gossip ADDR:PORT       gossip with other sidecars there, over UDP and TCP
  --join ADDR:PORT,…       whom to join: addresses, DNS names, or store: for the
                           members found in the store of rules
  --name NAME              name of this sidecar among the others
  --gossip-key FILE        keys of the mesh, base64, one a line; without any it
                           is on loopback alone, unless --gossip-plain says
                           otherwise
  --gossip-label LABEL     who has another label, or none, is not heard
  --zone NAME              zone or rack, told to the others
  --app-health URL         ask after the service: http://ADDR:PORT/PATH,
                           tcp://ADDR:PORT, grpc://ADDR:PORT/SERVICE
`;
