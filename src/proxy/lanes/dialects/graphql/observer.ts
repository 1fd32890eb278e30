// What the dialect tells of operations: names, costs, times. Bounded and after the fact, as all observation is.

import type { GraphqlEvent, Tap } from "../../../../core/tap.ts";
import type { Operation } from "./operation.ts";

const maxNameLength = 200;

export interface Observer {
  /** An operation of ours ran. `durationMs`: of its resolvers. */
  executed(operation: Operation, variables: Readonly<Record<string, unknown>>, durationMs: number): void;
  /** An operation was refused before it ran. */
  refused(errors: number): void;
  /** A subscription began; the returned function says that it has ended. */
  subscribed(): () => void;
}

export function createObserver(tap: Tap, rule: string): Observer {
  const tell = (what: GraphqlEvent["what"]) => tap.observe({ kind: "graphql", rule, what });
  return {
    executed(operation, variables, durationMs) {
      const { name, type } = operation;
      const { complexity } = operation.measures(variables);
      tell({ kind: "operation", name: (name ?? "").slice(0, maxNameLength), type, complexity, durationMs });
    },
    refused: (errors) => tell({ kind: "refused", errors }),
    subscribed() {
      tell({ kind: "subscriptions", change: 1 });
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        tell({ kind: "subscriptions", change: -1 });
      };
    },
  };
}
