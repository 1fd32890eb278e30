// Whether @skip and @include leave a selection in (GraphQL §3.13.1, §3.13.2), told from the variables.

import type { OperationDefinitionNode, SelectionNode, ValueNode } from "graphql";

export interface Inclusion {
  readonly included: boolean;
  /** True where a variable decides. */
  readonly varies: boolean;
}

const always: Inclusion = { included: true, varies: false };

/** A condition that cannot be told counts as met: the upstream will refuse the operation. */
export function isIncluded(
  selection: SelectionNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Inclusion {
  if (selection.directives === undefined || selection.directives.length === 0) return always;
  let [included, varies] = [true, false];
  for (const { name, arguments: given } of selection.directives) {
    if (name.value !== "skip" && name.value !== "include") continue;
    const condition = given?.find((argument) => argument.name.value === "if")?.value;
    if (condition === undefined) continue;
    varies ||= condition.kind === "Variable";
    const holds = booleanOf(condition, operation, variables);
    if (holds !== undefined && holds === (name.value === "skip")) included = false;
  }
  return { included, varies };
}

function booleanOf(
  value: ValueNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): boolean | undefined {
  if (value.kind === "BooleanValue") return value.value;
  if (value.kind !== "Variable") return undefined;
  const given = variables[value.name.value];
  if (typeof given === "boolean") return given;
  const definition = operation.variableDefinitions?.find(
    (one) => one.variable.name.value === value.name.value,
  );
  return definition?.defaultValue?.kind === "BooleanValue" ? definition.defaultValue.value : undefined;
}
