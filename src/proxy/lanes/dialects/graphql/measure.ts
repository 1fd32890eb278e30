// How much an operation asks for: depth, aliases, complexity. Each fragment is measured once, so that the work is bounded by
// the length of the document; the figures themselves may grow without bound, and stop at `most`.

import type {
  FieldNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  SelectionSetNode,
  ValueNode,
} from "graphql";

/** By name. */
export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

export interface Measures {
  /** Fields inside one another: 1 for `{ me }`. */
  readonly depth: number;
  readonly aliases: number;
  /** 1 for each field; those below a field with `first`, `last` or `limit` count as often as it says. */
  readonly complexity: number;
  /** True where the complexity hangs on a variable. */
  readonly varies: boolean;
}

const most = Number.MAX_SAFE_INTEGER;
const nothing: Measures = { depth: 0, aliases: 0, complexity: 0, varies: false };
const multipliers = new Set(["first", "last", "limit"]);

interface Measuring {
  readonly fragments: Fragments;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly defaults: ReadonlyMap<string, ValueNode>;
  /** Measured so far; a fragment inside itself, which no server accepts, counts for nothing. */
  readonly known: Map<string, Measures>;
}

/** Throws nothing: what it does not understand counts once. */
export function measure(
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Readonly<Record<string, unknown>>,
): Measures {
  const defaults = new Map<string, ValueNode>();
  for (const { variable, defaultValue } of operation.variableDefinitions ?? [])
    if (defaultValue !== undefined) defaults.set(variable.name.value, defaultValue);
  return measureSet(operation.selectionSet, { fragments, variables, defaults, known: new Map() });
}

function measureSet(set: SelectionSetNode, measuring: Measuring): Measures {
  let [depth, aliases, complexity, varies] = [0, 0, 0, false];
  for (const selection of set.selections) {
    const part =
      selection.kind === "Field"
        ? measureField(selection, measuring)
        : selection.kind === "InlineFragment"
          ? measureSet(selection.selectionSet, measuring)
          : measureFragment(selection.name.value, measuring);
    depth = Math.max(depth, part.depth);
    aliases = Math.min(most, aliases + part.aliases);
    complexity = Math.min(most, complexity + part.complexity);
    varies ||= part.varies;
  }
  return { depth, aliases, complexity, varies };
}

function measureFragment(name: string, measuring: Measuring): Measures {
  const known = measuring.known.get(name);
  if (known !== undefined) return known;
  const fragment = measuring.fragments.get(name);
  if (fragment === undefined) return nothing;
  measuring.known.set(name, nothing);
  const found = measureSet(fragment.selectionSet, measuring);
  measuring.known.set(name, found);
  return found;
}

function measureField(field: FieldNode, measuring: Measuring): Measures {
  const below = field.selectionSet === undefined ? nothing : measureSet(field.selectionSet, measuring);
  const times = timesOf(field, measuring);
  return {
    depth: below.depth + 1,
    aliases: Math.min(most, below.aliases + (field.alias === undefined ? 0 : 1)),
    complexity: Math.min(most, 1 + times.count * below.complexity),
    varies: below.varies || times.varies,
  };
}

function timesOf(
  field: FieldNode,
  measuring: Measuring,
): { readonly count: number; readonly varies: boolean } {
  let [count, varies] = [1, false];
  for (const { name, value } of field.arguments ?? []) {
    if (!multipliers.has(name.value)) continue;
    varies ||= value.kind === "Variable";
    const amount = amountOf(value, measuring);
    if (Number.isSafeInteger(amount) && amount > 0) count = Math.max(count, amount);
  }
  return { count, varies };
}

function amountOf(value: ValueNode, { variables, defaults }: Measuring): number {
  if (value.kind === "IntValue") return Number(value.value);
  if (value.kind !== "Variable") return Number.NaN;
  const given = variables[value.name.value];
  if (given !== undefined) return typeof given === "number" ? given : Number.NaN;
  const written = defaults.get(value.name.value);
  return written?.kind === "IntValue" ? Number(written.value) : Number.NaN;
}
