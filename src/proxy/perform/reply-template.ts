// The templates of one mocked reply: its header values, and its body as text or inside the strings of a JSON value.
// A template that fails for a call gives that call a 500 which says why; it never takes the connection down.

import type { FixedReply } from "../../core/effect.ts";
import { messageOf, UnderstudyError } from "../../core/errors.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { ReplyBodySpec, ReplySpec } from "../../core/rule.ts";
import { formatRulePath, type RulePath } from "../../core/rule-problem.ts";
import { decodedBody } from "./content-encoding.ts";
import { isFieldValue } from "./fields.ts";
import { prepareJsonTemplate } from "./json-template.ts";
import { bytesOf, mediaTypeOf, withMediaType } from "./reply-body.ts";
import {
  isTemplate,
  newTemplateBudget,
  type Template,
  type TemplateBudget,
  type TemplateEngine,
} from "./template.ts";
import { type TemplateBody, type TemplateRequest, templateRequest } from "./template-request.ts";

/** Works the reply out for one call. Rejects only where the call itself is over (aborted, body cut). */
export type RenderReply = (exchange: Exchange) => Promise<FixedReply>;

export interface ReplyTemplateDeps {
  readonly engine: TemplateEngine;
  /** Bytes of a request body that a template may see, also after decoding. */
  readonly maxBodyBytes: number;
  /** Name of the rule, for people. */
  readonly rule: string;
}

/** One thing of the reply that may vary. */
interface Part<T> {
  readonly path: RulePath;
  /** Empty where it never varies. */
  readonly templates: readonly Template[];
  render(request: TemplateRequest, budget: TemplateBudget): T;
}

/**
 * null where nothing in the reply is a template after all. `textKey`: what text is called there. Throws RuleProblem for a
 * template that is wrong in itself.
 */
export function prepareTemplates(
  spec: ReplySpec,
  path: RulePath,
  deps: ReplyTemplateDeps,
  textKey = "body",
): RenderReply | null {
  const headers = spec.headers.map(([name, value]) => {
    const part = textPart(value, [...path, "headers", name], deps.engine);
    return { ...part, render: (...call: RenderCall) => [name, fieldValue(part.render(...call))] as const };
  });
  const body = bodyPart(spec.body, path, deps.engine, textKey);
  const templates = [...headers, body].flatMap((part) => part.templates);
  if (templates.length === 0) return null;
  const readsBody = templates.some((template) => template.readsBody);

  return async (exchange) => {
    const seen = readsBody ? await readBody(exchange, deps.maxBodyBytes) : { problem: "was not read" };
    const call: RenderCall = [templateRequest(exchange, seen), newTemplateBudget()];
    try {
      const fields = headers.map((part) => renderPart(part, call));
      const bytes = renderPart(body, call);
      const { status, reason } = spec;
      return { status, reason, headers: withMediaType(fields, mediaTypeOf(spec.body)), body: bytes };
    } catch (thrown) {
      return failure(exchange, deps.rule, messageOf(thrown));
    }
  };
}

type RenderCall = [request: TemplateRequest, budget: TemplateBudget];

function renderPart<T>(part: Part<T>, call: RenderCall): T {
  try {
    return part.render(...call);
  } catch (thrown) {
    throw new Error(`${formatRulePath(part.path)}: ${messageOf(thrown).replaceAll("\n", " ")}`, {
      cause: thrown,
    });
  }
}

function textPart(text: string, path: RulePath, engine: TemplateEngine): Part<string> {
  if (!isTemplate(text)) return { path, templates: [], render: () => text };
  const template = engine.compile(text, path);
  return { path, templates: [template], render: (...call) => template.render(...call) };
}

function bodyPart(
  body: ReplyBodySpec,
  path: RulePath,
  engine: TemplateEngine,
  textKey: string,
): Part<Uint8Array> {
  if (body.kind === "json") {
    const part = prepareJsonTemplate(body.value, [...path, "json"], engine);
    return { path: [...path, "json"], ...part, render: (...call) => Buffer.from(part.render(...call)) };
  }
  const bytes = bytesOf(body, path);
  const place = [...path, body.kind === "file" ? "file" : textKey];
  if (body.kind === "base64" || body.kind === "none")
    return { path: place, templates: [], render: () => bytes };
  const part = textPart(new TextDecoder().decode(bytes), place, engine);
  // A file that turns out to be no template keeps its bytes, whatever their encoding.
  const render = (...call: RenderCall) =>
    part.templates.length === 0 ? bytes : Buffer.from(part.render(...call));
  return { ...part, render };
}

/** What a request puts into a field must not end the field: that would split the reply in two. */
function fieldValue(value: string): string {
  if (isFieldValue(value)) return value;
  throw new Error(`expected Latin-1 characters without control characters, got ${JSON.stringify(value)}`);
}

async function readBody(exchange: Exchange, maxBodyBytes: number): Promise<TemplateBody> {
  try {
    const raw = await exchange.body.read(maxBodyBytes);
    const encoding = exchange.head.header("content-encoding");
    const bytes = decodedBody(raw, encoding, maxBodyBytes);
    return bytes ? { bytes } : { problem: `its content-encoding ${encoding} could not be undone` };
  } catch (thrown) {
    if (!(thrown instanceof UnderstudyError) || thrown.code !== "body_too_large") throw thrown;
    return { problem: `is larger than ${maxBodyBytes} bytes` };
  }
}

function failure(exchange: Exchange, rule: string, message: string): FixedReply {
  const text = `the template of rule ${rule} failed: ${message}`;
  exchange.note?.(text);
  return {
    status: 500,
    reason: "",
    headers: [["content-type", "text/plain; charset=utf-8"]],
    body: Buffer.from(`understudy: ${text}\n`),
  };
}
