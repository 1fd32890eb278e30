// Which methods a rule can be about, and the types of their messages: for what it says of messages to be checked before
// any call comes.

import type { ConnectionFacts } from "../../../../core/connection.ts";
import type { Exchange, RequestHead } from "../../../../core/exchange.ts";
import type { RuleSpec } from "../../../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { DescriptorProblem } from "./descriptor-files.ts";
import { methodOf } from "./flavour.ts";
import type { Learned } from "./learned-descriptors.ts";
import type { MethodType, Schema } from "./schema.ts";

/** Where descriptors come from. */
export interface Descriptors {
  /** Throws DescriptorProblem. */
  readonly files: (paths: readonly string[]) => Schema;
  /** What the upstream's reflection service tells. */
  readonly learned: Learned;
}

/** The descriptors that the rule names; null: it names none. Throws RuleProblem. */
export function schemaOfRule(spec: RuleSpec, descriptors: Descriptors): Schema | null {
  if (!spec.descriptors || spec.descriptors.length === 0) return null;
  try {
    return descriptors.files(spec.descriptors);
  } catch (thrown) {
    if (!(thrown instanceof DescriptorProblem)) throw thrown;
    throw new RuleProblem(["descriptors", thrown.index], thrown.message, { cause: thrown, shared: true });
  }
}

/** Methods that the matches name exactly, with their types where they are described. */
export function methodsOfRule(spec: RuleSpec, schema: Schema | null): readonly MethodType[] {
  if (schema === null) return [];
  return spec.matches.flatMap(({ grpc }) => {
    if (grpc?.service?.op !== "exact" || grpc.method?.op !== "exact") return [];
    return schema.method(grpc.service.value, grpc.method.value) ?? [];
  });
}

/** Refuses names that are not described. `path`: of the match. */
export function checkNames(spec: RuleSpec["matches"][number], path: RulePath, schema: Schema): void {
  const { service, method } = spec.grpc ?? {};
  if (service?.op !== "exact") return;
  const flaw = schema.flaw(service.value, method?.op === "exact" ? method.value : null);
  if (flaw)
    throw new RuleProblem([...path, "grpc", flaw.key], flaw.message, { shared: flaw.key === "service" });
}

/**
 * The types of a call's method: of the rule's own descriptors, else of those that the upstream tells. A promise while
 * these are being learnt; as `learned`, it does not keep anybody waiting for long.
 */
export function methodOfCall(
  head: RequestHead,
  connection: ConnectionFacts,
  schema: Schema | null,
  descriptors: Descriptors,
): MethodType | null | Promise<MethodType | null> {
  const names = methodOf(head);
  if (names === null) return null;
  const typesIn = (known: Schema | null) => known?.method(names.service, names.method) ?? null;
  const known = schema ?? descriptors.learned(head, connection);
  return known instanceof Promise ? known.then(typesIn) : typesIn(known);
}

/** The same, waited for. Rejects with the reason of the exchange's signal. */
export async function methodOfExchange(
  { head, connection, signal }: Exchange,
  schema: Schema | null,
  descriptors: Descriptors,
): Promise<MethodType | null> {
  const method = methodOfCall(head, connection, schema, descriptors);
  if (!(method instanceof Promise)) return method;
  signal.throwIfAborted();
  const left = Promise.withResolvers<never>();
  const onAbort = () => left.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([method, left.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
