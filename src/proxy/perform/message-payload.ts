// What a message or an event of ours carries, prepared: the same bytes each time, or a template over the request and, as
// its body, the message that is being answered.

import type { Exchange } from "../../core/exchange.ts";
import type { Payload } from "../../core/payload.ts";
import type { ReplySpec } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { PayloadSpec } from "../../core/rule-websocket.ts";
import { bytesOf } from "./reply-body.ts";
import { prepareTemplates, type ReplyTemplateDeps } from "./reply-template.ts";

/** Works the payload out for one message. A template that fails gives a text that says why. */
export type RenderPayload = (exchange: Exchange) => Promise<Payload>;

/** Throws RuleProblem for a template that is wrong in itself. */
export function preparePayload(spec: PayloadSpec, path: RulePath, deps: ReplyTemplateDeps): RenderPayload {
  const binary = spec.kind === "base64";
  const reply = replyOf(spec);
  const templates = reply.template ? prepareTemplates(reply, path, deps, "text") : null;
  if (templates) return async (exchange) => ({ binary, bytes: (await templates(exchange)).body });
  const still = { binary, bytes: bytesOf(reply.body, path) };
  return async () => still;
}

/** As the body of a reply, which is what templates are made for. */
function replyOf(spec: PayloadSpec): ReplySpec {
  const template = spec.kind !== "base64" && spec.template;
  return { status: 200, reason: "", headers: [], body: spec, template, trailers: [], delay: null };
}
