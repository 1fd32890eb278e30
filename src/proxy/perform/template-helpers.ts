// The helpers that templates may call: plain functions of their arguments and of `request`. None reaches a file, the
// network or the process. Helpers of time are in template-time.ts, those of chance in template-chance.ts.

import { rawNumber } from "./json-document.ts";
import type { TemplateRequest } from "./template-request.ts";

/** `args`: what stands after the name; `hash`: the `key=value` pairs. Throws Error with what was expected. */
export type TemplateHelper = (
  args: readonly unknown[],
  hash: Readonly<Record<string, unknown>>,
  request: TemplateRequest,
) => unknown;

export const plainHelpers: Readonly<Record<string, TemplateHelper>> = {
  /** `{{json request.json.items}}`, `{{json x pretty=true}}` */
  json: ([value], { pretty }) => jsonText(value, pretty === true),
  /** `{{base64 "text"}}`, `{{base64 request.body decode=true}}` */
  base64: ([value], { decode }) =>
    decode === true
      ? Buffer.from(textOf(value), "base64").toString("utf8")
      : Buffer.from(textOf(value), "utf8").toString("base64"),
  upper: ([value]) => textOf(value).toUpperCase(),
  lower: ([value]) => textOf(value).toLowerCase(),
  trim: ([value]) => textOf(value).trim(),
  urlEncode: ([value]) => encodeURIComponent(textOf(value)),
  /** `{{default request.query.page 1}}`: the first argument that is neither absent nor empty. */
  default: (args) => args.find((value) => value !== undefined && value !== null && value !== "") ?? "",
  /** `{{math request.json.amount "*" 100}}` */
  math: ([left, operator, right]) => calculate(numberOf(left), textOf(operator), numberOf(right)),
  /** `{{round 2.345 2}}` */
  round: ([value, digits = 0]) => Number(numberOf(value).toFixed(boundedInteger("round", digits, 0, 20))),
  /** Length of a text, an array or an object. */
  size: ([value]) => sizeOf(value),
  header: ([name], _hash, request) => request.headers[textOf(name).toLowerCase()],
  query: ([name], _hash, request) => request.query[textOf(name)],
  cookie: ([name], _hash, request) => request.cookies[textOf(name)],
  eq: ([left, right]) => left === right || textOf(left) === textOf(right),
  ne: ([left, right]) => left !== right && textOf(left) !== textOf(right),
  gt: ([left, right]) => numberOf(left) > numberOf(right),
  gte: ([left, right]) => numberOf(left) >= numberOf(right),
  lt: ([left, right]) => numberOf(left) < numberOf(right),
  lte: ([left, right]) => numberOf(left) <= numberOf(right),
  and: (args) => args.every(Boolean),
  or: (args) => args.some(Boolean),
  not: ([value]) => !value,
};

/** What a template prints for a value; absent values print nothing. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? jsonText(value, false) : String(value);
}

export function numberOf(value: unknown): number {
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value ?? Number.NaN);
  if (!Number.isFinite(number)) throw new Error(`expected a number, got ${shown(value)}`);
  return number;
}

/** An integer argument between `min` and `max`; `name`: the helper, for the message. */
export function boundedInteger(name: string, value: unknown, min: number, max: number): number {
  const number = numberOf(value);
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new Error(`${name}: expected a whole number from ${min} to ${max}, got ${shown(value)}`);
  }
  return number;
}

function jsonText(value: unknown, pretty: boolean): string {
  const exact = (_key: string, part: unknown) => (typeof part === "bigint" ? rawNumber(String(part)) : part);
  return JSON.stringify(value, exact, pretty ? 2 : undefined) ?? "null";
}

function calculate(left: number, operator: string, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return numberOf(left / right);
    case "%":
      return numberOf(left % right);
    default:
      throw new Error(`math: expected one of + - * / %, got ${shown(operator)}`);
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : jsonText(value, false);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
