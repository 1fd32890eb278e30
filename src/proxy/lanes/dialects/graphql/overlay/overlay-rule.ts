// What one rule overlays, whatever carries the operations: the schema of the moment, what becomes of each operation, and
// what the metrics hear of it.

import type { Clock } from "../../../../../core/clock.ts";
import type { Exchange } from "../../../../../core/exchange.ts";
import type { GraphqlOverlaySpec } from "../../../../../core/rule-graphql.ts";
import type { Documents } from "../documents.ts";
import { isGuarded } from "../limits.ts";
import type { OperationTest } from "../match.ts";
import type { Observer } from "../observer.ts";
import type { Operation } from "../operation.ts";
import type { GraphqlResult } from "../wire/http-reply.ts";
import type { GraphqlParams } from "../wire/params.ts";
import type { PersistedQueries } from "../wire/persisted.ts";
import { completeItem, type OverlaidItem, type OverlayDeps, overlayItem } from "./item.ts";
import type { PrunedOperation } from "./pruned.ts";
import type { SchemaSource } from "./schema-source.ts";
import { Targets } from "./targets.ts";

export interface OverlayRuleDeps {
  readonly spec: GraphqlOverlaySpec;
  readonly documents: Documents;
  readonly persisted: PersistedQueries;
  readonly schemas: SchemaSource;
  /** Which operations the rule is about. */
  readonly concerns: OperationTest;
  /** Every call that the rule claims is meant to be GraphQL. */
  readonly isEndpoint: boolean;
  readonly observer: Observer;
  readonly clock: Pick<Clock, "now">;
}

/** The operations of one call. */
export interface OverlaidOperations {
  /** What becomes of an operation, whether the rule is about it or not. Never throws. */
  item(params: GraphqlParams): OverlaidItem;
  /** The result of the whole operation; `result`: of the upstream, or null where it was not asked. */
  complete(
    item: OverlaidItem & { readonly kind: "pruned" },
    result: Readonly<Record<string, unknown>> | null,
  ): GraphqlResult;
}

export class OverlayRule {
  readonly spec: GraphqlOverlaySpec;
  readonly concerns: OperationTest;
  readonly #deps: OverlayRuleDeps;
  readonly #targetsOf: (schema: OverlayDeps["schema"]) => Pick<OverlayDeps, "targets" | "known">;

  constructor(deps: OverlayRuleDeps) {
    this.spec = deps.spec;
    this.concerns = deps.concerns;
    this.#deps = deps;
    this.#targetsOf = targetsBySchema(deps.spec);
  }

  /** What cannot be read must not pass: nobody could tell whether it keeps to the limits. */
  get guardsAll(): boolean {
    return this.#deps.isEndpoint && isGuarded(this.spec.limits);
  }

  /** Waits for the schema where the upstream must be asked for it. */
  async operationsOf(exchange: Exchange): Promise<OverlaidOperations> {
    const { observer, clock } = this.#deps;
    const startedMs = clock.now();
    const schema = await this.#deps.schemas.of(exchange);
    const overlay: OverlayDeps = {
      ...this.#deps,
      ...this.#targetsOf(schema),
      schema,
      note: (text) => exchange.note?.(text),
    };
    return {
      item: (params) => {
        if (!this.concerns(params)) return { kind: "untouched", params };
        const item = overlayItem(params, overlay);
        if (item.kind === "refused") observer.refused(1);
        return item;
      },
      complete(item, result) {
        const whole = completeItem(item, result, overlay);
        observer.executed(item.operation, item.variables, clock.now() - startedMs);
        return whole;
      },
    };
  }
}

/** What hangs on the schema, made once for each. */
function targetsBySchema(spec: GraphqlOverlaySpec) {
  type Made = Pick<OverlayDeps, "targets" | "known">;
  const make = (schema: OverlayDeps["schema"]): Made => ({
    targets: new Targets(spec.fields, schema),
    known: new WeakMap<Operation, PrunedOperation>(),
  });
  const withoutSchema = make(null);
  const made = new WeakMap<NonNullable<OverlayDeps["schema"]>, Made>();
  return (schema: OverlayDeps["schema"]): Made => {
    if (schema === null) return withoutSchema;
    const found = made.get(schema) ?? make(schema);
    made.set(schema, found);
    return found;
  };
}
