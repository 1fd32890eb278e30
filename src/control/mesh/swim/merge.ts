// Taking over what another member believes, as it came with a push-pull.

import type { NodeState } from "../wire/messages.ts";
import type { PushPull } from "../wire/push-pull.ts";
import { stateOfNumber } from "./member.ts";
import type { Membership } from "./membership.ts";
import { agree } from "./versions.ts";

/**
 * Merges a remote state; `upper` is called between the check and the merge. null, or why it was refused as a whole: its
 * members speak versions that ours do not.
 */
export function mergeRemoteState(membership: Membership, state: PushPull, upper: () => void): string | null {
  const remote = state.nodes.filter((node) => stateOfNumber(node.State) === "alive").map((node) => node.Vsn);
  const local = membership.list.all().flatMap((entry) => (entry.state === "alive" ? [entry.vsn] : []));
  if (!agree([...remote, ...local])) return "its members and ours speak different versions of the protocol";
  upper();
  for (const node of state.nodes) mergeNode(membership, node);
  return null;
}

function mergeNode(membership: Membership, node: NodeState): void {
  const accusation = { Incarnation: node.Incarnation, Node: node.Name };
  const state = stateOfNumber(node.State);
  switch (state) {
    case "alive":
      return membership.alive({ ...node, Node: node.Name });
    case "left":
      return membership.dead({ ...accusation, From: node.Name });
    case "suspect":
    case "dead":
      // Never dead on somebody's word alone: the member gets its time to refute.
      return membership.suspect({ ...accusation, From: membership.self.name });
    case undefined:
      return;
    default:
      return state satisfies never;
  }
}
