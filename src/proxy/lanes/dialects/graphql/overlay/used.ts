// Which variables and fragments an operation really uses.

import type { ASTNode, FragmentDefinitionNode, OperationDefinitionNode } from "graphql";
import type { GraphqlLibrary } from "../library.ts";
import type { Fragments } from "../measure.ts";

export interface Used {
  /** Names without the dollar sign. */
  readonly variables: ReadonlySet<string>;
  /** In the order in which they are first needed. */
  readonly fragments: readonly FragmentDefinitionNode[];
}

/** Everything that is reached from the operation, its variable definitions left out. */
export function usedIn(operation: OperationDefinitionNode, fragments: Fragments, lib: GraphqlLibrary): Used {
  const variables = new Set<string>();
  const reached = new Map<string, FragmentDefinitionNode>();
  const queue: ASTNode[] = [operation.selectionSet, ...(operation.directives ?? [])];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    lib.visit(node, {
      Variable({ name }) {
        variables.add(name.value);
      },
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value);
        if (fragment === undefined || reached.has(name.value)) return;
        reached.set(name.value, fragment);
        queue.push(fragment);
      },
    });
  }
  return { variables, fragments: [...reached.values()] };
}
