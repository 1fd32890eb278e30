// Guards: what asks for too much is refused with the error of a request that was never executed (GraphQL §7.1.2).

import type { GraphQLError } from "graphql";
import type { GraphqlLimits } from "../../../../core/rule-graphql.ts";
import type { InvalidDocument, ParsedDocument } from "./documents.ts";
import type { GraphqlLibrary } from "./library.ts";
import type { Operation } from "./operation.ts";

/** The refusal of an operation; null where it keeps to all limits. */
export function overLimit(
  limits: GraphqlLimits,
  parsed: ParsedDocument,
  operation: Operation,
  variables: Readonly<Record<string, unknown>>,
  lib: GraphqlLibrary,
): GraphQLError | null {
  const { tokens, depth, aliases, complexity } = limits;
  if (isOver(tokens, parsed.tokens)) return refusal("tokens", tokens, parsed.tokens, lib);
  if (depth === null && aliases === null && complexity === null) return null;
  const found = operation.measures(variables);
  if (isOver(depth, found.depth)) return refusal("depth", depth, found.depth, lib);
  if (isOver(aliases, found.aliases)) return refusal("aliases", aliases, found.aliases, lib);
  if (isOver(complexity, found.complexity)) return refusal("complexity", complexity, found.complexity, lib);
  return null;
}

/** The refusal of what is more than can be read, which keeps to no limit; null where there are none. */
export function unreadable(limits: GraphqlLimits, { error, tooMuch }: InvalidDocument): GraphQLError | null {
  return tooMuch && isGuarded(limits) ? error : null;
}

/** Whether they say anything of a single operation, so that one that cannot be read must not pass. */
export function isGuarded({ tokens, depth, aliases, complexity }: GraphqlLimits): boolean {
  return [tokens, depth, aliases, complexity].some((limit) => limit !== null);
}

/** The refusal of a request that nobody here can look into. */
export function unseen(why: string, lib: GraphqlLibrary): GraphQLError {
  return new lib.GraphQLError(`The request cannot be held to its limits: ${why}.`, {
    extensions: { code: "LIMIT_EXCEEDED", limit: "readable" },
  });
}

/** The refusal of a batch; null where it is small enough. */
export function overBatch(
  limits: GraphqlLimits,
  operations: number,
  lib: GraphqlLibrary,
): GraphQLError | null {
  return isOver(limits.batch, operations) ? refusal("batch", limits.batch, operations, lib) : null;
}

function isOver(limit: number | null, found: number): limit is number {
  return limit !== null && found > limit;
}

function refusal(what: string, limit: number, found: number, lib: GraphqlLibrary): GraphQLError {
  return new lib.GraphQLError(`The operation exceeds the limit of ${what}: at most ${limit}, got ${found}.`, {
    extensions: { code: "LIMIT_EXCEEDED", limit: what, most: limit, found },
  });
}

export const noLimits: GraphqlLimits = {
  depth: null,
  complexity: null,
  aliases: null,
  tokens: null,
  batch: null,
};
