// `@defer` and `@stream` are hints: a server may answer all at once. What a rule completes is asked for in one piece, because
// the parts of an answer cannot each be told what they lack.

import type { ASTNode, OperationDefinitionNode } from "graphql";
import type { GraphqlLibrary } from "../library.ts";
import type { Fragments } from "../measure.ts";

const incremental = new Set(["defer", "stream"]);

/** The operation and the fragments at hand without these directives. */
export function inOnePiece(
  operation: OperationDefinitionNode,
  fragments: Fragments,
  lib: GraphqlLibrary,
): { readonly operation: OperationDefinitionNode; readonly fragments: Fragments } {
  const strip = <N extends ASTNode>(node: N): N =>
    lib.visit(node, { Directive: ({ name }) => (incremental.has(name.value) ? null : undefined) });
  return {
    operation: strip(operation),
    fragments: new Map([...fragments].map(([name, fragment]) => [name, strip(fragment)])),
  };
}
