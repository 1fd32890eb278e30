// Files candidates so that a call meets few of them: each under the value that it shares with the fewest others.
//
//   all ─┬─ host "a.svc" ─┬─ path "/v1"      ─ [ … ]      looked up
//        │                └─ header x-tenant ─ [ … ]      looked up
//        ├─ suffix ".svc" ─ [ … ]                         looked up
//        └─ the rest      ─ [ regex, contains, CIDR, … ]  tested one by one

import { type Anchor, anchorsOf, type Dimension } from "./anchors.ts";
import { branchOf } from "./branches.ts";
import type { Candidate } from "./candidate.ts";
import { Fan, type IndexNode, Leaf } from "./index-node.ts";

/** So few candidates are tested faster than looked up. */
const leafSize = 4;

interface Filed {
  readonly candidate: Candidate;
  /** What has not been looked up on the way to here. */
  readonly anchors: readonly Anchor[];
}

/** `candidates` in ascending order. */
export function buildIndex(candidates: readonly Candidate[]): IndexNode {
  const filed = candidates.map((candidate) => ({ candidate, anchors: anchorsOf(candidate) }));
  if (filed.length <= leafSize) return leafOf(filed);
  // The host comes first, so that calls to hosts that no rule names cost one look-up.
  const ofHost = (anchors: readonly Anchor[]) =>
    anchors.find(({ dimension }) => dimension.kind === "host" || dimension.kind === "hostSuffix");
  return split(filed, ofHost, build);
}

function leafOf(filed: readonly Filed[]): IndexNode {
  return new Leaf(filed.map(({ candidate }) => candidate));
}

function build(filed: readonly Filed[]): IndexNode {
  if (filed.length <= leafSize) return leafOf(filed);
  const sizes = groupSizes(filed);
  const used = chooseDimensions(filed, sizes);
  return split(filed, (anchors) => mostSelective(anchors, sizes, used, filed.length), leafOf);
}

/** Files each candidate under the anchor that `pick` chooses; `others` takes those without one. */
function split(
  filed: readonly Filed[],
  pick: (anchors: readonly Anchor[]) => Anchor | undefined,
  others: (rest: readonly Filed[]) => IndexNode,
): IndexNode {
  const dimensions = new Map<string, { dimension: Dimension; groups: Map<string, Filed[]> }>();
  const rest: Filed[] = [];
  for (const item of filed) {
    const anchor = pick(item.anchors);
    if (anchor === undefined) {
      rest.push(item);
      continue;
    }
    const id = idOf(anchor.dimension);
    const known = dimensions.get(id) ?? { dimension: anchor.dimension, groups: new Map() };
    dimensions.set(id, known);
    const group = known.groups.get(anchor.value);
    const left = { candidate: item.candidate, anchors: item.anchors.filter((other) => other !== anchor) };
    if (group) group.push(left);
    else known.groups.set(anchor.value, [left]);
  }
  const nodes = [...dimensions.values()].map(({ dimension, groups }) =>
    branchOf(dimension, new Map([...groups].map(([value, group]) => [value, build(group)]))),
  );
  if (rest.length > 0) nodes.push(others(rest));
  return nodes.length === 1 && nodes[0] ? nodes[0] : new Fan(nodes);
}

/** How many candidates share each value, by dimension. */
function groupSizes(filed: readonly Filed[]): Map<string, Map<string, number>> {
  const sizes = new Map<string, Map<string, number>>();
  for (const { anchors } of filed) {
    for (const { dimension, value } of anchors) {
      const id = idOf(dimension);
      const groups = sizes.get(id) ?? new Map<string, number>();
      sizes.set(id, groups.set(value, (groups.get(value) ?? 0) + 1));
    }
  }
  return sizes;
}

/** The dimensions worth a look-up by every call: those that enough candidates would choose. */
function chooseDimensions(
  filed: readonly Filed[],
  sizes: ReadonlyMap<string, ReadonlyMap<string, number>>,
): ReadonlySet<string> {
  const votes = new Map<string, number>();
  for (const { anchors } of filed) {
    const best = mostSelective(anchors, sizes, null, filed.length);
    if (best) votes.set(idOf(best.dimension), (votes.get(idOf(best.dimension)) ?? 0) + 1);
  }
  return new Set([...votes].filter(([, count]) => count > leafSize).map(([id]) => id));
}

/** The anchor whose value the fewest candidates share; one that all share tells nobody apart. */
function mostSelective(
  anchors: readonly Anchor[],
  sizes: ReadonlyMap<string, ReadonlyMap<string, number>>,
  allowed: ReadonlySet<string> | null,
  total: number,
): Anchor | undefined {
  let best: Anchor | undefined;
  let fewest = total;
  for (const anchor of anchors) {
    const id = idOf(anchor.dimension);
    const size = sizes.get(id)?.get(anchor.value) ?? total;
    if (size >= fewest || (allowed && !allowed.has(id))) continue;
    best = anchor;
    fewest = size;
  }
  return best;
}

function idOf(dimension: Dimension): string {
  return dimension.name === "" ? dimension.kind : `${dimension.kind} ${dimension.name}`;
}
