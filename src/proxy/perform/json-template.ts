// A JSON value whose strings are templates. Each string is filled in on its own, so that a quote in a request can never
// break the document. A string that is one `{{json …}}` stands for the value itself: `"{{json request.json.amount}}"`
// gives 12, not "12".

import type { RulePath } from "../../core/rule-problem.ts";
import { isTemplate, type Template, type TemplateBudget, type TemplateEngine } from "./template.ts";
import type { TemplateRequest } from "./template-request.ts";

/** Gives JSON text. */
export interface JsonTemplate {
  /** Those inside, in the order of writing. */
  readonly templates: readonly Template[];
  render(request: TemplateRequest, budget: TemplateBudget): string;
}

/** A subtree: finished text, or what makes it. */
type Part = string | ((request: TemplateRequest, budget: TemplateBudget) => string);

/** Compiles all strings of `value`. Throws RuleProblem with the path of the string. */
export function prepareJsonTemplate(value: unknown, path: RulePath, engine: TemplateEngine): JsonTemplate {
  const templates: Template[] = [];
  const compile = (text: string, place: RulePath): Template => {
    const template = engine.compile(text, place);
    templates.push(template);
    return template;
  };
  const part = prepare(value, path, compile);
  return { templates, render: (request, budget) => fill(part, request, budget) };
}

function prepare(value: unknown, path: RulePath, compile: (text: string, path: RulePath) => Template): Part {
  if (typeof value === "string" && isTemplate(value)) {
    const template = compile(value, path);
    return template.isJsonValue
      ? (request, budget) => template.render(request, budget)
      : (request, budget) => JSON.stringify(template.render(request, budget));
  }
  if (Array.isArray(value)) {
    const items = value.map((item, index) => prepare(item, [...path, index], compile));
    return joined("[", items, "]");
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) =>
      joined(`${JSON.stringify(key)}:`, [prepare(member, [...path, key], compile)], ""),
    );
    return joined("{", members, "}");
  }
  return JSON.stringify(value) ?? "null";
}

function joined(open: string, parts: readonly Part[], close: string): Part {
  if (parts.every((part) => typeof part === "string")) return `${open}${parts.join(",")}${close}`;
  return (request, budget) => `${open}${parts.map((part) => fill(part, request, budget)).join(",")}${close}`;
}

function fill(part: Part, request: TemplateRequest, budget: TemplateBudget): string {
  return typeof part === "string" ? part : part(request, budget);
}
