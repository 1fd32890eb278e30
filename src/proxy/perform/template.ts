// Handlebars, fenced in: an engine of its own with our helpers, text as the output (no HTML escaping), no inherited
// properties, no partials, and a budget, because a request may hold a list of any length.

import { createRequire } from "node:module";
import type Handlebars from "handlebars";
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Random } from "../../core/random.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { chanceHelpers } from "./template-chance.ts";
import { plainHelpers, type TemplateHelper } from "./template-helpers.ts";
import type { TemplateRequest } from "./template-request.ts";
import { shapeOf, type TemplateShape } from "./template-syntax.ts";
import { timeHelpers } from "./template-time.ts";

type HandlebarsModule = typeof Handlebars;

/** Loaded with the first template: most rule sets have none, and the module takes 10 MB. */
const load = createRequire(import.meta.url);

/** Work that one reply may cost, in characters handled by helpers and loops: some 100 ms of one core. */
const maxWork = 8_388_608;
/** What one call of a helper or one turn of a loop costs besides its characters. */
const stepCost = 16;
/** Characters that one template may give. */
const maxOutputLength = 8_388_608;
/** Characters of one template's source. */
const maxSourceLength = 1_048_576;

/** What is left of the work that one reply may cost. One for all the templates of a reply. */
export interface TemplateBudget {
  left: number;
}

export interface Template extends TemplateShape {
  /** Throws Error where a helper refuses its arguments or the budget is spent. */
  render(request: TemplateRequest, budget: TemplateBudget): string;
}

export interface TemplateEngine {
  /** Parses and checks the text now; its code is made at the first call. Throws RuleProblem at `path`. */
  compile(text: string, path: RulePath): Template;
}

/** False for text that is the same for every call. */
export function isTemplate(text: string): boolean {
  return text.includes("{{");
}

export function newTemplateBudget(): TemplateBudget {
  return { left: maxWork };
}

export function createTemplateEngine(deps: { clock: Clock; random: Random }): TemplateEngine {
  let fenced: Fenced | null = null;
  return {
    compile(text, path) {
      fenced ??= fence(deps);
      const { handlebars, known, knownHelpers } = fenced;
      const program = parse(handlebars, text, path);
      const shape = shapeOf(program, known, path);
      const template = handlebars.compile(program, { noEscape: true, knownHelpers, knownHelpersOnly: true });
      return { ...shape, render: (request, budget) => render(template, request, budget) };
    },
  };
}

interface Fenced {
  readonly handlebars: HandlebarsModule;
  readonly known: ReadonlySet<string>;
  readonly knownHelpers: Record<string, boolean>;
}

/** An instance of its own, with our helpers and no others. */
function fence(deps: { clock: Clock; random: Random }): Fenced {
  // By require, because a rule is planned without waiting; the cast says what the module is.
  const handlebars = (load("handlebars") as HandlebarsModule).create();
  handlebars.unregisterHelper("log"); // It would write to the console.
  const helpers = { ...plainHelpers, ...timeHelpers(deps.clock), ...chanceHelpers(deps.random) };
  for (const [name, helper] of Object.entries(helpers)) handlebars.registerHelper(name, charged(helper));
  handlebars.registerHelper("each", eachOf(handlebars));
  const known = new Set([...Object.keys(helpers), "lookup"]);
  return { handlebars, known, knownHelpers: Object.fromEntries([...known].map((name) => [name, true])) };
}

function parse(handlebars: HandlebarsModule, text: string, path: RulePath) {
  if (text.length > maxSourceLength) {
    throw new RuleProblem(
      path,
      `expected a template of at most ${maxSourceLength} characters, got ${text.length}`,
    );
  }
  try {
    return handlebars.parse(text);
  } catch (thrown) {
    const message = messageOf(thrown).split("\n").filter(Boolean).join(" ");
    throw new RuleProblem(path, `expected a Handlebars template: ${message}`, { cause: thrown });
  }
}

function render(
  template: Handlebars.TemplateDelegate<unknown>,
  request: TemplateRequest,
  budget: TemplateBudget,
): string {
  const text = template(
    { request },
    { data: { budget }, allowProtoPropertiesByDefault: false, allowProtoMethodsByDefault: false },
  );
  if (text.length > maxOutputLength) {
    throw new Error(`expected at most ${maxOutputLength} characters of output, got ${text.length}`);
  }
  return text;
}

/** The frame in which the engine calls a helper. */
interface Frame {
  readonly hash: Readonly<Record<string, unknown>>;
  readonly data: { readonly root: { readonly request: TemplateRequest }; readonly budget: TemplateBudget };
}

/** Fits a helper of ours to the engine, which hands the frame over as the last argument. */
function charged(helper: TemplateHelper): (...all: unknown[]) => unknown {
  return (...all) => {
    const frame = all.pop() as Frame; // The engine's calling convention.
    spend(frame.data.budget, all);
    const result = helper(all, frame.hash, frame.data.root.request);
    spend(frame.data.budget, [result]);
    return result;
  };
}

function spend(budget: TemplateBudget, handled: readonly unknown[]): void {
  for (const value of handled) budget.left -= typeof value === "string" ? value.length + stepCost : stepCost;
  if (budget.left < 0) throw new Error("the template does more work than one reply may cost");
}

/** `each` of our own: like the engine's, for arrays and plain objects, but it spends the budget. */
function eachOf(handlebars: HandlebarsModule): Handlebars.HelperDelegate {
  return function each(this: unknown, context: unknown, options: Handlebars.HelperOptions): string {
    const isList = Array.isArray(context);
    const keys = typeof context === "object" && context !== null ? Object.keys(context) : [];
    if (keys.length === 0) return options.inverse(this);
    const frame = handlebars.createFrame(options.data);
    let text = "";
    for (const [index, key] of keys.entries()) {
      const value: unknown = Reflect.get(Object(context), key);
      Object.assign(frame, {
        key: isList ? index : key,
        index,
        first: index === 0,
        last: index === keys.length - 1,
      });
      const turn = options.fn(value, { data: frame, blockParams: [value, frame.key] });
      spend(frame.budget, [turn]);
      text += turn;
    }
    return text;
  };
}
