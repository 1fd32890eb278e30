// Files candidates so that a call meets few of them: each under the value that it shares with the fewest others.
//
//   all ─┬─ host "a.svc" ─┬─ path "/v1"      ─ [ … ]      looked up
//        │                └─ header x-tenant ─ [ … ]      looked up
//        ├─ suffix ".svc" ─ [ … ]                         looked up
//        └─ the rest      ─ [ regex, contains, CIDR, … ]  tested one by one

import { branchOf } from "./branches.ts";
import { type Candidate, type Entry, noKeys } from "./candidate.ts";
import { Fan, type IndexNode, Leaf, Single } from "./index-node.ts";
import type { Anchor, Dimension, Key } from "./key.ts";

/** So few entries are tested faster than looked up. */
const leafSize = 4;

interface Filed {
  readonly candidate: Candidate;
  /** Conditions that no look-up on the way to here has settled. */
  readonly keys: readonly Key[];
  /** The dimensions that were looked up on the way to here. */
  readonly used: readonly Key[];
}

/** A condition that can be looked up. */
type Handle = Key & { readonly anchor: Anchor };

/** Steps of an index under construction: whoever runs them may let others have a turn between two of them. */
export type IndexSteps = Generator<void, IndexNode>;

/** Items handled between two steps: well under a millisecond. */
const itemsPerStep = 256;

/** `candidates` in ascending order. */
export function* buildIndex(candidates: readonly Candidate[]): IndexSteps {
  const filed = candidates.map((candidate) => ({
    candidate,
    keys:
      candidate.scopeKeys.length === 0 ? candidate.headKeys : [...candidate.headKeys, ...candidate.scopeKeys],
    used: [],
  }));
  if (filed.length <= leafSize) return leafOf(filed);
  // The host comes first, so that calls to hosts that no rule names cost one look-up.
  return yield* split(filed, (item) => handlesOf(item).find(({ name }) => name === "host"), build);
}

function leafOf(filed: readonly Filed[]): IndexNode {
  const entries = filed.map(
    ({ candidate, keys }): Entry => ({
      order: candidate.order,
      rule: candidate.rule,
      headKeys: keys.length === 0 ? noKeys : keys,
      bodyKeys: candidate.bodyKeys.length === 0 ? noKeys : candidate.bodyKeys,
      message: candidate.message,
    }),
  );
  return entries.length === 1 && entries[0] ? new Single(entries[0]) : new Leaf(entries);
}

function* build(filed: readonly Filed[]): IndexSteps {
  if (filed.length <= leafSize) return leafOf(filed);
  const sizes = yield* groupSizes(filed);
  const choices = new Map<Filed, Handle | undefined>();
  for (const item of filed) {
    choices.set(item, mostSelective(item, sizes, null, filed.length));
    if (choices.size % itemsPerStep === 0) yield;
  }
  const dimensions = popularDimensions(choices.values());
  const pick = (item: Filed) => {
    const first = choices.get(item);
    if (first === undefined || dimensions.has(first.anchor.dimension)) return first;
    return mostSelective(item, sizes, dimensions, filed.length);
  };
  return yield* split(filed, pick, leaf);
}

// biome-ignore lint/correctness/useYield: it stands where a construction with steps may stand too.
function* leaf(filed: readonly Filed[]): IndexSteps {
  return leafOf(filed);
}

/** Files each candidate by the condition that `pick` chooses; `others` takes those without one. */
function* split(
  filed: readonly Filed[],
  pick: (item: Filed) => Handle | undefined,
  others: (rest: readonly Filed[]) => IndexSteps,
): IndexSteps {
  const dimensions = new Map<Dimension, Map<string, Filed[]>>();
  const rest: Filed[] = [];
  let handled = 0;
  for (const item of filed) {
    const handle = pick(item);
    if (handle === undefined) rest.push(item);
    else file(item, handle, dimensions);
    if (++handled % itemsPerStep === 0) yield;
  }
  const nodes: IndexNode[] = [];
  for (const [dimension, groups] of dimensions) {
    const built = new Map<string, IndexNode>();
    for (const [value, group] of groups) {
      built.set(value, group.length <= leafSize ? leafOf(group) : yield* build(group));
      if (built.size % itemsPerStep === 0) yield;
    }
    nodes.push(branchOf(dimension, built));
  }
  if (rest.length > 0) nodes.push(yield* others(rest));
  return nodes.length === 1 && nodes[0] ? nodes[0] : new Fan(nodes);
}

function file(item: Filed, handle: Handle, dimensions: Map<Dimension, Map<string, Filed[]>>): void {
  const { dimension, value, settles } = handle.anchor;
  const groups = dimensions.get(dimension) ?? new Map<string, Filed[]>();
  dimensions.set(dimension, groups);
  const left = {
    candidate: item.candidate,
    keys: settles ? item.keys.filter((key) => key !== handle) : item.keys,
    used: settles ? item.used : [...item.used, handle],
  };
  const group = groups.get(value);
  if (group) group.push(left);
  else groups.set(value, [left]);
}

function handlesOf({ keys, used }: Filed): readonly Handle[] {
  return keys.filter((key): key is Handle => key.anchor !== null && !used.includes(key));
}

/** How many candidates share each value, by dimension. */
function* groupSizes(filed: readonly Filed[]): Generator<void, Map<Dimension, Map<string, number>>> {
  const sizes = new Map<Dimension, Map<string, number>>();
  let handled = 0;
  for (const item of filed) {
    for (const { anchor } of handlesOf(item)) {
      const groups = sizes.get(anchor.dimension) ?? new Map<string, number>();
      sizes.set(anchor.dimension, groups.set(anchor.value, (groups.get(anchor.value) ?? 0) + 1));
    }
    if (++handled % itemsPerStep === 0) yield;
  }
  return sizes;
}

/** Those worth a look-up by every call, because enough candidates would choose them. */
function popularDimensions(choices: Iterable<Handle | undefined>): ReadonlySet<Dimension> {
  const votes = new Map<Dimension, number>();
  for (const choice of choices) {
    if (choice) votes.set(choice.anchor.dimension, (votes.get(choice.anchor.dimension) ?? 0) + 1);
  }
  return new Set([...votes].filter(([, count]) => count > leafSize).map(([dimension]) => dimension));
}

/** The condition whose value the fewest candidates share; a value that all share tells nobody apart. */
function mostSelective(
  item: Filed,
  sizes: ReadonlyMap<Dimension, ReadonlyMap<string, number>>,
  allowed: ReadonlySet<Dimension> | null,
  total: number,
): Handle | undefined {
  let best: Handle | undefined;
  let fewest = total;
  for (const handle of handlesOf(item)) {
    const { dimension, value } = handle.anchor;
    const size = sizes.get(dimension)?.get(value) ?? total;
    if (size >= fewest || (allowed !== null && !allowed.has(dimension))) continue;
    best = handle;
    fewest = size;
  }
  return best;
}
