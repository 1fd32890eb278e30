// What the metrics of GraphQL are made of, and their names: operations that rules answered, what they cost, what was refused.

import type { GraphqlEvent } from "../../core/tap.ts";
import type { MetricFamily, Sample } from "./exposition.ts";

/** Names are chosen by clients: this many get a series of their own, later ones share `other`. */
const maxOperations = 100;
const maxNameLength = 200;

interface OperationSeries {
  readonly operation: string;
  readonly type: string;
  count: number;
  seconds: number;
  complexity: number;
}

export interface GraphqlSeries {
  add(event: GraphqlEvent): void;
  families(): readonly MetricFamily[];
}

export function createGraphqlSeries(): GraphqlSeries {
  const operations = new Map<string, OperationSeries>();
  let errors = 0;
  let subscriptions = 0;
  const seriesOf = (name: string, type: string): OperationSeries => {
    const known = operations.get(`${type} ${name}`);
    if (known !== undefined) return known;
    const keeps = operations.size < maxOperations && name.length <= maxNameLength;
    const operation = keeps ? name : "other";
    const series = operations.get(`${type} ${operation}`) ?? {
      operation,
      type,
      count: 0,
      seconds: 0,
      complexity: 0,
    };
    operations.set(`${type} ${operation}`, series);
    return series;
  };
  return {
    add({ what }) {
      if (what.kind === "refused") errors += what.errors;
      else if (what.kind === "subscriptions") subscriptions += what.change;
      else {
        const series = seriesOf(what.name, what.type);
        series.count++;
        series.seconds += what.durationMs / 1_000;
        series.complexity += what.complexity;
      }
    },
    families: () =>
      familiesOf(
        operations,
        () => errors,
        () => subscriptions,
      ),
  };
}

function familiesOf(
  operations: ReadonlyMap<string, OperationSeries>,
  errors: () => number,
  subscriptions: () => number,
): readonly MetricFamily[] {
  const each = (value: (series: OperationSeries) => number) => (): readonly Sample[] =>
    [...operations.values()].map((series) => ({
      labels: { operation: series.operation, type: series.type },
      value: value(series),
    }));
  const counter = (name: string, help: string, samples: () => readonly Sample[]): MetricFamily => ({
    name,
    help,
    type: "counter",
    samples,
  });
  return [
    counter(
      "understudy_graphql_operations_total",
      "GraphQL operations that rules answered.",
      each((one) => one.count),
    ),
    counter(
      "understudy_graphql_resolver_seconds_total",
      "Time in their resolvers.",
      each((one) => one.seconds),
    ),
    counter(
      "understudy_graphql_complexity_total",
      "Fields that they asked for.",
      each((one) => one.complexity),
    ),
    counter(
      "understudy_graphql_validation_errors_total",
      "Errors of operations refused before they ran.",
      () => [{ labels: {}, value: errors() }],
    ),
    {
      name: "understudy_graphql_subscriptions_active",
      help: "GraphQL subscriptions that rules serve.",
      type: "gauge",
      samples: () => [{ labels: {}, value: subscriptions() }],
    },
  ];
}
