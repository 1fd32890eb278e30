// Which operations a rule claims. A request in a batch is claimed where any of its operations is; what the rule does is then
// done to those alone.

import type { CallFacts, DialectCondition, DialectMatch } from "../../../../core/dialect.ts";
import type { MatchSpec } from "../../../../core/rule.ts";
import type { GraphqlMatch, NumberMatch } from "../../../../core/rule-graphql.ts";
import type { RulePath } from "../../../../core/rule-problem.ts";
import { RuleProblem } from "../../../../core/rule-problem.ts";
import { checkCoordinate } from "./coordinates.ts";
import type { GraphqlDeps } from "./deps.ts";
import { describeGraphqlMatch } from "./described-match.ts";
import type { Documents, ParsedDocument } from "./documents.ts";
import type { Operation } from "./operation.ts";
import type { SchemaFiles } from "./schema-file.ts";
import { SelectedCoordinates } from "./selected.ts";
import { mayBeGraphql, readHttpRequest } from "./wire/http-request.ts";
import type { GraphqlParams } from "./wire/params.ts";
import type { PersistedQueries } from "./wire/persisted.ts";

export interface MatchDeps extends Pick<GraphqlDeps, "jsonTest" | "textTest"> {
  readonly documents: Documents;
  readonly persisted: PersistedQueries;
  readonly files: SchemaFiles;
}

/** Whether one operation is claimed. Pure, and never throws. */
export type OperationTest = (params: GraphqlParams) => boolean;

/** The condition of one match, over every operation of a request. */
export function compileGraphqlMatch(
  match: GraphqlMatch,
  path: RulePath,
  deps: MatchDeps,
  lastRead: LastRead,
): DialectMatch {
  const test = compileOperationTest(match, path, deps);
  const condition: DialectCondition = {
    name: "graphql",
    holds: (call) => lastRead.of(call)?.some(test) ?? false,
    expected: () => describeGraphqlMatch(match),
    actual: (call) => actualOf(lastRead.of(call), match, deps),
  };
  const isGraphql: DialectCondition = {
    name: "graphql",
    holds: ({ head }) => mayBeGraphql(head),
    expected: () => "a POST of JSON, or a GET with a query",
    actual: ({ head }) => `${head.method} ${head.header("content-type") ?? "without content-type"}`,
  };
  return { implied: {}, head: [isGraphql], body: [condition] };
}

/** The same for one operation of a batch: any of the rule's matches, or none at all. */
export function concerning(matches: readonly MatchSpec[], deps: MatchDeps): OperationTest {
  const tests = matches.flatMap(({ graphql }, index) =>
    graphql === undefined ? [] : [compileOperationTest(graphql, ["matches", index], deps)],
  );
  // A match that says nothing of GraphQL is about every operation of the requests that it claims.
  return tests.length < matches.length || tests.length === 0
    ? () => true
    : (params) => tests.some((test) => test(params));
}

/** The operations of the call that was looked at last: the conditions of many rules ask about the same one. */
export class LastRead {
  #head: CallFacts["head"] | null = null;
  #path = "";
  #body: CallFacts["body"] = null;
  #items: readonly GraphqlParams[] | null = null;

  of({ head, body }: CallFacts): readonly GraphqlParams[] | null {
    const { path } = head;
    // A connection may use one head object for all its calls, and bodies that are empty are all the same one.
    if (head === this.#head && body === this.#body && path === this.#path) return this.#items;
    // Reading a POST looks at its type itself.
    const read = head.method === "POST" || mayBeGraphql(head) ? readHttpRequest(head, body) : null;
    this.#head = head;
    this.#path = path;
    this.#body = body;
    this.#items = read?.kind === "operations" ? read.items : null;
    return this.#items;
  }
}

type Part = (params: GraphqlParams) => boolean;

function compileOperationTest(match: GraphqlMatch, path: RulePath, deps: MatchDeps): OperationTest {
  const place = [...path, "graphql"];
  const { operation, variables } = match;
  const parts: Part[] = [];
  if (operation !== undefined) {
    const test = deps.textTest(operation, [...place, "operation"]);
    parts.push((params) => test(nameOf(params, deps)));
  }
  if (variables !== undefined) {
    const test = deps.jsonTest(variables, [...path, "variables"]);
    parts.push((params) => test(params.variables ?? {}));
  }
  const ofOperation = operationParts(match, place, deps);
  if (ofOperation.length > 0) {
    parts.push((params) => {
      const found = operationOf(params, deps);
      return found !== null && ofOperation.every((part) => part(found));
    });
  }
  return (params) => {
    try {
      return parts.every((part) => part(params));
    } catch {
      return false; // nested deeper than the stack: nothing that a rule describes
    }
  };
}

interface Found {
  readonly parsed: ParsedDocument;
  readonly operation: Operation;
  readonly variables: Readonly<Record<string, unknown>>;
}

function operationParts(
  match: GraphqlMatch,
  place: RulePath,
  deps: MatchDeps,
): ((found: Found) => boolean)[] {
  const { type, depth, complexity } = match;
  const parts: ((found: Found) => boolean)[] = [];
  if (type !== undefined) parts.push(({ operation }) => operation.type === type);
  const measured = (range: NumberMatch, of: "depth" | "complexity") =>
    parts.push(({ operation, variables }) => isWithin(range, operation.measures(variables)[of]));
  if (depth !== undefined) measured(depth, "depth");
  if (complexity !== undefined) measured(complexity, "complexity");
  parts.push(...fieldParts(match, place, deps));
  return parts;
}

function fieldParts(match: GraphqlMatch, place: RulePath, deps: MatchDeps): ((found: Found) => boolean)[] {
  const { fields = [] } = match;
  const { lib } = deps.documents;
  const schema = match.schema === undefined ? null : deps.files.load(match.schema, [...place, "schema"]);
  const selected = schema && new SelectedCoordinates(schema, lib);
  return fields.map((field) => {
    const [first = ""] = field.split(".");
    const at = [...place, "field"];
    if (schema !== null) checkCoordinate(field, schema, lib, at);
    const isType = schema === null ? /^[A-Z]/.test(first) : schema.getType(first) !== undefined;
    if (!isType) return ({ operation }) => operation.selects(field);
    if (selected === null)
      throw new RuleProblem(
        at,
        `expected schema beside it, because only a schema knows types, got "${field}"`,
      );
    return ({ parsed, operation }) => selected.selects(field, parsed, operation);
  });
}

/** As the client names it, else the name of the only operation; undefined: it has none. */
function nameOf(params: GraphqlParams, deps: MatchDeps): string | undefined {
  // The name alone is cheap; a document that has no such operation is the server's to refuse.
  return params.operationName ?? operationOf(params, deps)?.operation.name ?? undefined;
}

function operationOf(params: GraphqlParams, { documents, persisted }: MatchDeps): Found | null {
  const text = persisted.documentOf(params);
  const parsed = text === null ? null : documents.parse(text);
  if (parsed === null || parsed.kind === "invalid") return null;
  const operation = parsed.operation(params.operationName);
  return operation === undefined ? null : { parsed, operation, variables: params.variables ?? {} };
}

function isWithin({ greaterThan, lessThan }: NumberMatch, value: number): boolean {
  return (greaterThan === null || value > greaterThan) && (lessThan === null || value < lessThan);
}

function actualOf(items: readonly GraphqlParams[] | null, match: GraphqlMatch, deps: MatchDeps): string {
  if (items === null) return "no GraphQL request";
  const shown = items.slice(0, 5).map((params) => {
    const found = operationOf(params, deps);
    if (found === null) return params.query === null ? "an unknown persisted query" : "no valid document";
    return `${found.operation.type} ${found.operation.name ?? "(no name)"}${asked(match, found)}`;
  });
  return shown.join(", ");
}

/** Longest text shown of variables, in UTF-16 units. */
const maxShown = 200;

/** What the match asks about besides the name and the type: the variables, the measures. */
function asked({ variables, depth, complexity }: GraphqlMatch, found: Found): string {
  const measures = depth || complexity ? found.operation.measures(found.variables) : null;
  const given = variables ? JSON.stringify(found.variables) : "";
  return [
    ...(depth ? [`, depth ${measures?.depth}`] : []),
    ...(complexity ? [`, complexity ${measures?.complexity}`] : []),
    ...(variables ? [`, variables ${given.slice(0, maxShown)}${given.length > maxShown ? "…" : ""}`] : []),
  ].join("");
}
