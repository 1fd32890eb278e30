// What a message or an event carries, as users write it: text, or a mapping that names JSON or bytes.

import * as z from "zod";
import type { PayloadSpec } from "../../../core/rule-websocket.ts";
import { across, exactlyOne, mapping } from "./mapping.ts";

const template = z
  .boolean("true or false")
  .exactOptional()
  .describe("A Handlebars template over request, whose body is the message that is answered. Default false.");

const kinds = ["text", "json", "base64"] as const;
const expected = "text, or one of {text|json|base64}";

const shape = {
  text: z.string("text").exactOptional().describe("As text."),
  json: z.unknown().exactOptional().describe("As text that is this JSON value."),
  template,
};

const base64 = z
  .base64("bytes in base64")
  .transform((encoded) => new Uint8Array(Buffer.from(encoded, "base64")));

const plainText = z.string().transform((text): PayloadSpec => ({ kind: "text", text, template: false }));

/** `hello`, `{json: {a: 1}}`, `{text: "{{request.body}}", template: true}`, `{base64: AAE=}`. */
export const messagePayload = z
  .union(
    [
      plainText,
      across(
        mapping(expected, {
          ...shape,
          base64: base64.exactOptional().describe("A binary message, in base64."),
        }),
        (written, complain, lacks) => {
          exactlyOne(kinds)(written, complain, lacks);
          if ("template" in written && "base64" in written)
            complain("only means something next to text or json", "template");
        },
      ).transform((written): PayloadSpec => {
        if (written.base64 !== undefined) return { kind: "base64", bytes: written.base64 };
        return payloadOf(written);
      }),
    ],
    { error: expected },
  )
  .meta({ id: "message" });

/** The same for what is always text. */
export const textPayload = z
  .union(
    [
      plainText,
      across(mapping("text, or one of {text|json}", shape), exactlyOne(["text", "json"])).transform(
        payloadOf,
      ),
    ],
    { error: "text, or one of {text|json}" },
  )
  .meta({ id: "eventData" });

function payloadOf(written: { text?: string; json?: unknown; template?: boolean }): PayloadSpec {
  const rendered = written.template ?? false;
  if (written.text !== undefined) return { kind: "text", text: written.text, template: rendered };
  return { kind: "json", value: written.json, template: rendered };
}
