// Reads a template before it is ever run: what it may not contain is refused while the rules are loaded, with the
// line; and whether it looks at the request body is known, so that a body nobody asks for stays unread.

import type Handlebars from "handlebars";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { requestFields } from "./template-request.ts";

type Program = ReturnType<typeof Handlebars.parse>;
type Node = Program["body"][number];

/** What the shape of a template says about it. */
export interface TemplateShape {
  /** It may look at `request.body` or `request.json`. True where that cannot be excluded. */
  readonly readsBody: boolean;
  /** It is one `{{json …}}` and nothing else: its output is a JSON value rather than text. */
  readonly isJsonValue: boolean;
}

/** Helpers that open a block, and whether the block has another `this`. */
const blockHelpers: ReadonlyMap<string, "same scope" | "new scope"> = new Map([
  ["if", "same scope"],
  ["unless", "same scope"],
  ["each", "new scope"],
  ["with", "new scope"],
] as const);

/** `root`: names are looked up in what the reply hands in, so that each can be checked. */
interface Scope {
  readonly root: boolean;
  readonly blockParams: readonly string[];
}

/** One template being read. */
interface Reading {
  readonly helpers: ReadonlySet<string>;
  readonly path: RulePath;
  readsBody: boolean;
}

/**
 * Checks a parsed template: only known `helpers`, only known fields of `request`, no partials and no decorators.
 * Throws RuleProblem at `path`.
 */
export function shapeOf(program: Program, helpers: ReadonlySet<string>, path: RulePath): TemplateShape {
  const reading: Reading = { helpers, path, readsBody: false };
  readProgram(reading, program, { root: true, blockParams: [] });
  const [only] = program.body;
  const isJsonValue =
    program.body.length === 1 && only !== undefined && isCall(only) && nameOf(only) === "json";
  return { readsBody: reading.readsBody, isJsonValue };
}

function readProgram(reading: Reading, program: Program | undefined, scope: Scope): void {
  for (const node of program?.body ?? []) {
    if (isBlock(node)) readBlock(reading, node, scope);
    else if (isCall(node)) readCall(reading, node, scope);
    else if (node.type !== "ContentStatement" && node.type !== "CommentStatement") {
      refuse(reading, node, "partials and decorators are not supported");
    }
  }
}

function readBlock(reading: Reading, node: hbs.AST.BlockStatement, scope: Scope): void {
  const name = nameOf(node);
  const kind = blockHelpers.get(name);
  if (kind === undefined && (reading.helpers.has(name) || node.params.length > 0)) {
    refuse(reading, node, `${JSON.stringify(name)} cannot open a block; if, unless, each and with can`);
  }
  if (kind === undefined) readExpression(reading, node.path, scope);
  readArguments(reading, node, scope);
  const blockParams = [...scope.blockParams, ...(node.program?.blockParams ?? [])];
  readProgram(reading, node.program, { root: scope.root && kind === "same scope", blockParams });
  readProgram(reading, node.inverse, scope);
}

function readCall(reading: Reading, node: Call, scope: Scope): void {
  const name = nameOf(node);
  if (blockHelpers.has(name))
    refuse(reading, node, `${name} opens a block: write {{#${name} …}} … {{/${name}}}`);
  if (!reading.helpers.has(name)) {
    if (node.params.length > 0 || node.hash)
      refuse(reading, node, `there is no helper ${JSON.stringify(name)}`);
    readExpression(reading, node.path, scope);
  }
  readArguments(reading, node, scope);
}

function readArguments(reading: Reading, node: Call | hbs.AST.BlockStatement, scope: Scope): void {
  for (const param of node.params) readExpression(reading, param, scope);
  for (const pair of node.hash?.pairs ?? []) readExpression(reading, pair.value, scope);
}

function readExpression(reading: Reading, node: Node, scope: Scope): void {
  if (isPath(node)) readPath(reading, node, scope);
  else if (isCall(node)) readCall(reading, node, scope);
}

/** Where the root cannot be told from another scope, the path counts as a look at the body, and its names pass unchecked. */
function readPath(reading: Reading, node: hbs.AST.PathExpression, scope: Scope): void {
  const fromRoot = node.data && node.parts[0] === "root";
  if (node.data && !fromRoot) return; // @index, @key and their like
  const [first, field] = fromRoot ? node.parts.slice(1) : node.parts;
  const known = fromRoot || (scope.root && node.depth === 0);
  if (first === undefined) reading.readsBody ||= known || node.depth > 0;
  else if (first === "request") readField(reading, node, field, known);
  else if (known && !scope.blockParams.includes(first)) {
    refuse(reading, node, `expected request.… or a helper, got ${JSON.stringify(node.original)}`);
  }
}

function readField(
  reading: Reading,
  node: hbs.AST.PathExpression,
  field: string | undefined,
  known: boolean,
): void {
  if (field === undefined || field === "body" || field === "json") reading.readsBody = true;
  else if (known && !requestFields.has(field)) {
    const fields = [...requestFields].join(", ");
    refuse(reading, node, `expected a field of request (${fields}), got ${JSON.stringify(node.original)}`);
  }
}

function refuse(reading: Reading, node: Node, message: string): never {
  throw new RuleProblem(reading.path, `${message} (line ${node.loc.start.line} of the template)`);
}

type Call = hbs.AST.MustacheStatement | hbs.AST.SubExpression;

// The library types its nodes by an open `type: string`, so the narrowing is spelled out here.
function isPath(node: Node): node is hbs.AST.PathExpression {
  return node.type === "PathExpression";
}

function isCall(node: Node): node is Call {
  return node.type === "MustacheStatement" || node.type === "SubExpression";
}

function isBlock(node: Node): node is hbs.AST.BlockStatement {
  return node.type === "BlockStatement";
}

/** What stands first in the braces: the name of a helper, or a path. */
function nameOf(node: Call | hbs.AST.BlockStatement): string {
  const path: Node = node.path;
  return isPath(path) ? path.original : "";
}
