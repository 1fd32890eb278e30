// What a rule expects of GraphQL operations, in words, for explanations: `query, operation "GetUser", field user`.

import type { GraphqlMatch, NumberMatch } from "../../../../core/rule-graphql.ts";
import type { BodyMatch, TextMatch } from "../../../../core/rule-values.ts";

/** As people would say it; "a GraphQL operation" where it says nothing in particular. */
export function describeGraphqlMatch(match: GraphqlMatch): string {
  const { type, operation, fields = [], depth, complexity, variables } = match;
  const words = [
    ...(type ? [type] : []),
    ...(operation ? [`operation ${textWords(operation)}`] : []),
    ...fields.map((field) => `field ${field}`),
    ...(depth ? [`depth ${rangeWords(depth)}`] : []),
    ...(complexity ? [`complexity ${rangeWords(complexity)}`] : []),
    ...(variables ? [`variables ${bodyWords(variables)}`] : []),
  ];
  return words.length === 0 ? "a GraphQL operation" : words.join(", ");
}

function textWords(match: TextMatch): string {
  if (match.op === "absent") return "absent";
  return match.op === "exact" ? JSON.stringify(match.value) : `${match.op} ${JSON.stringify(match.value)}`;
}

function rangeWords({ greaterThan, lessThan }: NumberMatch): string {
  const bounds = [
    ...(greaterThan === null ? [] : [`greaterThan ${greaterThan}`]),
    ...(lessThan === null ? [] : [`lessThan ${lessThan}`]),
  ];
  return bounds.join(" and ");
}

function bodyWords(match: BodyMatch): string {
  switch (match.op) {
    case "and":
    case "or":
      return match.of.map((one) => `(${bodyWords(one)})`).join(` ${match.op} `);
    case "not":
      return `not (${bodyWords(match.of)})`;
    case "matchesJsonPath": {
      const { expression, test } = match;
      const wanted = test && (test.op === "absent" ? "absent" : `${test.op} ${JSON.stringify(test.value)}`);
      return `matchesJsonPath ${expression}${wanted === null ? "" : ` ${wanted}`}`;
    }
    case "matchesJsonSchema":
      return `matchesJsonSchema ${JSON.stringify(match.schema)}`;
    case "binaryPrefix":
      return `binaryPrefix ${Buffer.from(match.value).toString("base64")}`;
    default:
      return `${match.op} ${JSON.stringify(match.value)}`;
  }
}
