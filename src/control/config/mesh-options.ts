// The rows of the table of options that are about the mesh.

import type { HostPort } from "../../core/address.ts";
import type { JoinTarget } from "../../core/join-target.ts";
import { addressOrOff, joinTargets, memberName, meshLabel, name, path, yesOrNo } from "./kinds.ts";
import { option } from "./option.ts";

/** How a sidecar takes part in the mesh. */
export const meshOptions = {
  zone: option<string | null>(
    "zone",
    name,
    null,
    "zone or rack of this sidecar, for people who look at the mesh",
  ),
  gossip: option<HostPort | null>(
    "gossip",
    addressOrOff,
    null,
    "where this sidecar gossips with the others, over UDP and TCP, such as 10.0.0.7:7946",
  ),
  gossipAdvertise: option<HostPort | null>(
    "gossipAdvertise",
    addressOrOff,
    null,
    "where other members reach it, if that is not where it listens",
  ),
  join: option<readonly JoinTarget[]>(
    "join",
    joinTargets,
    [],
    "members to join: addresses, names (all addresses of each), or store: for those found in the store of rules",
  ),
  name: option<string | null>(
    "name",
    memberName,
    null,
    "name of this sidecar among the others, unique in the mesh (service, host and process id)",
  ),
  gossipKey: option<string | null>(
    "gossipKey",
    path,
    null,
    "file of the keys of the mesh, in base64, the one to encrypt with first; rotated keys are written back",
  ),
  gossipLabel: option<string | null>(
    "gossipLabel",
    meshLabel,
    null,
    "members with another label, or none, are not heard: it keeps meshes on one network apart",
  ),
  gossipPlain: option(
    "gossipPlain",
    yesOrNo,
    false,
    "let a mesh without keys be reached from other machines: everybody there can take part in it",
  ),
} as const;
