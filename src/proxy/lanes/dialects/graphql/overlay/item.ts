// One operation of a request under an overlay: what is refused, what is still asked, and what becomes of the answer.

import type { GraphQLError, GraphQLSchema } from "graphql";
import type { DelaySpec } from "../../../../../core/rule.ts";
import type { GraphqlOverlaySpec } from "../../../../../core/rule-graphql.ts";
import type { Documents, ParsedDocument } from "../documents.ts";
import { isGuarded, overLimit, unreadable } from "../limits.ts";
import type { Operation } from "../operation.ts";
import type { GraphqlResult } from "../wire/http-reply.ts";
import { type GraphqlParams, isRecord, withoutHash } from "../wire/params.ts";
import { notFound, type PersistedQueries } from "../wire/persisted.ts";
import type { Location } from "./locations.ts";
import { merge } from "./merge.ts";
import { prune } from "./prune.ts";
import type { PrunedOperation } from "./pruned.ts";
import type { Targets } from "./targets.ts";

export type OverlaidItem =
  /** Goes upstream as it came. */
  | { readonly kind: "untouched"; readonly params: GraphqlParams }
  /** `executed`: the status does not tell, as servers answer it. */
  | { readonly kind: "refused"; readonly result: GraphqlResult; readonly executed: boolean }
  | PrunedItem;

interface PrunedItem {
  readonly kind: "pruned";
  /** As it came. */
  readonly whole: GraphqlParams;
  /** What is still to be asked; null: nothing. */
  readonly params: GraphqlParams | null;
  readonly delays: readonly DelaySpec[];
  readonly operation: Operation;
  readonly parsed: ParsedDocument;
  readonly pruned: PrunedOperation;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface OverlayDeps {
  readonly spec: GraphqlOverlaySpec;
  readonly documents: Documents;
  readonly persisted: PersistedQueries;
  readonly schema: GraphQLSchema | null;
  readonly targets: Targets;
  /** Operations pruned before; one map for each schema. */
  readonly known: WeakMap<Operation, PrunedOperation>;
  readonly note: (text: string) => void;
}

const noVariables: Readonly<Record<string, unknown>> = {};

/** What to do with one operation; never throws. */
export function overlayItem(params: GraphqlParams, deps: OverlayDeps): OverlaidItem {
  const text = deps.persisted.documentOf(params);
  // Whoever speaks of persisted queries sends the document when it hears that its hash is not known.
  if (text === null)
    return isGuarded(deps.spec.limits)
      ? { kind: "refused", result: notFound, executed: true }
      : { kind: "untouched", params };
  const parsed = deps.documents.parse(text);
  if (parsed.kind === "invalid") {
    const refusal = unreadable(deps.spec.limits, parsed);
    // What is no document is the upstream's to refuse, in its own words.
    return refusal === null ? { kind: "untouched", params } : refused(refusal);
  }
  const operation = parsed.operation(params.operationName);
  if (operation === undefined) return { kind: "untouched", params };
  const variables = params.variables ?? noVariables;
  const refusal = overLimit(deps.spec.limits, parsed, operation, variables, deps.documents.lib);
  if (refusal !== null) return refused(refusal);
  if (operation.type === "subscription" || deps.spec.fields.length === 0)
    return { kind: "untouched", params };
  return prunedItem(params, parsed, operation, variables, deps);
}

function refused(refusal: GraphQLError): OverlaidItem {
  return { kind: "refused", result: { errors: [refusal.toJSON()] }, executed: false };
}

function prunedItem(
  params: GraphqlParams,
  parsed: ParsedDocument,
  operation: Operation,
  variables: Readonly<Record<string, unknown>>,
  deps: OverlayDeps,
): OverlaidItem {
  let pruned: PrunedOperation | undefined;
  try {
    pruned = deps.known.get(operation) ?? prune(operation, variables, { lib: deps.documents.lib, ...deps });
  } catch (thrown) {
    deps.note(`patch.graphql: left unchanged: ${thrown instanceof Error ? thrown.message : thrown}`);
    return { kind: "untouched", params };
  }
  if (pruned.lasting) deps.known.set(operation, pruned);
  const left = Object.entries(variables).filter(([name]) => pruned.variables.has(name));
  const smaller: GraphqlParams = {
    query: pruned.query,
    operationName: params.operationName,
    variables: left.length === 0 ? null : Object.fromEntries(left),
    extensions: withoutHash(params.extensions),
    hash: null,
  };
  const asked = pruned.query === null ? null : pruned.changed ? smaller : params;
  const { delays } = pruned;
  return { kind: "pruned", whole: params, params: asked, delays, operation, parsed, pruned, variables };
}

/** The result of the whole operation. `result`: of the upstream, or null where it was not asked. */
export function completeItem(
  item: OverlaidItem & { readonly kind: "pruned" },
  result: Readonly<Record<string, unknown>> | null,
  { documents: { lib }, schema, targets }: OverlayDeps,
): GraphqlResult {
  if (!item.pruned.changed && result !== null) return result;
  const data = result === null ? {} : result.data;
  // The upstream refused it, or its null has risen to the top: there is nothing to put anything into.
  if (!isRecord(data))
    return Array.isArray(result?.errors)
      ? { ...result, errors: errorsOf(result, item.pruned) }
      : (result ?? {});
  const call = {
    operation: item.operation.node,
    fragments: item.parsed.fragments,
    variables: item.variables,
  };
  const merged = merge(item.pruned, data, call, { lib, schema, targets });
  const errors = [...merged.errors, ...errorsOf(result, item.pruned)];
  const { data: _, errors: __, ...rest } = result ?? {};
  return { ...(errors.length > 0 ? { errors } : {}), data: merged.data, ...rest };
}

/** Those of the upstream; the places that they name are turned into those of the client's own document. */
function errorsOf(
  result: Readonly<Record<string, unknown>> | null,
  { locate }: PrunedOperation,
): readonly unknown[] {
  if (!Array.isArray(result?.errors)) return [];
  return result.errors.map((error: unknown) => {
    if (!isRecord(error) || !("locations" in error)) return error;
    const { locations, ...rest } = error;
    const found = (Array.isArray(locations) ? locations : []).flatMap((at) => locate(placeOf(at)) ?? []);
    return found.length > 0 ? { ...rest, locations: found } : rest;
  });
}

/** Numbers may be kept in the way in which they were written. */
function placeOf(at: unknown): Location {
  const { line, column } = isRecord(at) ? at : {};
  return { line: Number(JSON.stringify(line)), column: Number(JSON.stringify(column)) };
}
