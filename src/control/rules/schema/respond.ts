// The reply that a rule makes itself: one, several in turn, or one by weight.

import { isAbsolute, resolve } from "node:path";
import * as z from "zod";
import type { ReplyBodySpec, ReplySpec, RespondSpec } from "../../../core/rule.ts";
import type { GrpcReplySpec } from "../../../core/rule-grpc.ts";
import { delay, weight } from "./delay.ts";
import { events } from "./events.ts";
import { checkGraphqlReply, graphqlAnswer, graphqlReplyOf } from "./graphql-answer.ts";
import { grpcReply } from "./grpc.ts";
import { fieldText, headerFields, trailerFields } from "./header.ts";
import { across, atMostOne, type Complain, isMapping, mapping, notYet, type Written } from "./mapping.ts";
import { text } from "./text.ts";
import { script } from "./websocket.ts";

/** A status that ends a call; 1xx are interim (RFC 9110 §15.2). */
export const finalStatus = z
  .int("a final status from 200 to 599")
  .min(200, "a final status from 200 to 599")
  .max(599, "a final status from 200 to 599");

const bodyKeys = ["body", "json", "file", "base64", "events"] as const;

const reply = {
  status: finalStatus.exactOptional().describe("Status code, 200 to 599. Default 200."),
  reason: z
    .string("text")
    .regex(fieldText, "one line of at most 200 Latin-1 characters")
    .max(200, "one line of at most 200 Latin-1 characters")
    .exactOptional()
    .describe("Reason phrase; the usual one of the status where left out."),
  headers: headerFields.exactOptional().describe("Header fields, sent in this order and case."),
  body: z.string("text").exactOptional().describe("The body as text."),
  json: z.unknown().exactOptional().describe("The body as JSON; sets content-type unless headers do."),
  file: text("the path of a file", 4_096)
    .regex(/^[^\0]*$/, "the path of a file")
    .exactOptional()
    .describe("The body from a file; a relative path starts at the folder of the rules file."),
  base64: z
    .base64("bytes in base64")
    .transform((encoded) => new Uint8Array(Buffer.from(encoded, "base64")))
    .exactOptional()
    .describe("The body as bytes in base64."),
  events: events
    .exactOptional()
    .describe("A stream of server-sent events, each sent when its time has come."),
  template: z
    .boolean("true or false")
    .exactOptional()
    .describe("Header values and body are Handlebars templates over request. Default false."),
  trailers: trailerFields.exactOptional().describe("Fields sent after the body."),
  delay: delay.exactOptional().describe("Time to wait before the reply."),
};
const replyKeys = Object.keys(reply);

const refused = notYet("schema");

/** RFC 9110 §15.3.5, §15.3.6, §15.4.5. */
const bodiless = new Set<unknown>([204, 205, 304]);

function checkReply(written: Written, complain: Complain): void {
  atMostOne(bodyKeys, written, complain);
  const bodyKey = bodyKeys.find((key) => key in written);
  if (bodiless.has(written.status)) {
    const why = `a reply with status ${written.status} has no body (RFC 9110 §15)`;
    if (bodyKey !== undefined && written.body !== "") complain(why, bodyKey);
    if ("trailers" in written) complain(`${why}, so no trailers either`, "trailers");
  }
  const renders =
    "headers" in written || (bodyKey !== undefined && bodyKey !== "base64" && bodyKey !== "events");
  if (written.template === true && !renders)
    complain("nothing to render: expected body, json, file or headers beside it", "template");
}

function replyOf(written: z.output<z.ZodObject<typeof reply>>): ReplySpec {
  return {
    status: written.status ?? 200,
    reason: written.reason ?? "",
    headers: written.headers ?? [],
    body: bodyOf(written),
    template: written.template ?? false,
    trailers: written.trailers ?? [],
    delay: written.delay ?? null,
  };
}

function bodyOf(written: z.output<z.ZodObject<typeof reply>>): ReplyBodySpec {
  if (written.body !== undefined) return { kind: "text", text: written.body };
  if ("json" in written) return { kind: "json", value: written.json };
  if (written.base64 !== undefined) return { kind: "base64", bytes: written.base64 };
  if (written.events !== undefined) return { kind: "events", steps: written.events };
  return written.file === undefined ? { kind: "none" } : { kind: "file", path: written.file };
}

const inGrpc = { grpc: grpcReply.exactOptional().describe("A reply of gRPC, also to gRPC-Web and Connect.") };

/** A reply of gRPC is a whole one: keys of HTTP mean nothing beside it, and those that it shares stand in it. */
function checkEither(written: Written, complain: Complain): void {
  const direct = replyKeys.filter((key) => key in written);
  if (!("grpc" in written) || direct.length === 0) return checkReply(written, complain);
  for (const key of direct)
    complain(
      inBoth.has(key)
        ? `stands within grpc: {${key}: …}`
        : "means nothing beside grpc, which is a whole reply",
      key,
    );
}

const inBoth: ReadonlySet<string> = new Set(["template", "delay", "trailers"]);

const ofDialects = notYet("graphql");

const one = across(
  mapping("a reply: a mapping of keys such as status, json", {
    ...reply,
    ...inGrpc,
    ...ofDialects,
    ...refused,
  }),
  checkEither,
).transform((written) => written.grpc ?? replyOf(written));

const weighted = across(
  mapping("a reply: a mapping of keys such as weight, status, json", {
    weight: weight
      .exactOptional()
      .describe("How often it is drawn, against the sum of all weights. Default 1."),
    ...reply,
    ...inGrpc,
    ...ofDialects,
    ...refused,
  }),
  checkEither,
).transform((written) => ({ weight: written.weight ?? 1, reply: written.grpc ?? replyOf(written) }));

const several = "a list of replies, at least one";

type AnyReply = ReplySpec | GrpcReplySpec;

function isGrpc(given: AnyReply): given is GrpcReplySpec {
  return "kind" in given;
}

/** `list`: replies, or choices of them; as written where something in them is wrong. */
function checkAlike(list: unknown, complain: Complain, key: string): void {
  if (!Array.isArray(list)) return;
  const ofGrpc = list.filter((item: unknown) => {
    const given = isMapping(item) && isMapping(item.reply) ? item.reply : item;
    return isMapping(given) && ("grpc" in given || given.kind === "grpc");
  });
  if (ofGrpc.length > 0 && ofGrpc.length < list.length)
    complain("expected a reply of gRPC in every place or in none, got both kinds", key);
}

function cycleOf(replies: readonly AnyReply[]): RespondSpec {
  const ofGrpc = replies.filter(isGrpc);
  if (ofGrpc.length > 0) return { kind: "grpc-cycle", replies: ofGrpc };
  return { kind: "cycle", replies: replies.filter((one): one is ReplySpec => !isGrpc(one)) };
}

function randomOf(choices: readonly { readonly weight: number; readonly reply: AnyReply }[]): RespondSpec {
  const ofGrpc = choices.flatMap(({ weight, reply }) => (isGrpc(reply) ? [{ weight, reply }] : []));
  if (ofGrpc.length > 0) return { kind: "grpc-random", choices: ofGrpc };
  const ofHttp = choices.flatMap(({ weight, reply }) => (isGrpc(reply) ? [] : [{ weight, reply }]));
  return { kind: "random", choices: ofHttp };
}

export const respond = across(
  mapping("a reply: a mapping of keys such as status, json", {
    ...reply,
    cycle: z
      .array(one, several)
      .min(1, several)
      .max(1_000, "at most 1000 replies")
      .exactOptional()
      .describe("Replies in turn, one a call, starting again after the last."),
    random: z
      .array(weighted, several)
      .min(1, several)
      .max(1_000, "at most 1000 replies")
      .exactOptional()
      .describe("Replies drawn by weight."),
    graphql: graphqlAnswer
      .exactOptional()
      .describe("A GraphQL answer: {data, errors, extensions}, or made from a schema."),
    ...inGrpc,
    websocket: script
      .exactOptional()
      .describe("A script: accept the WebSocket and hold the conversation; beside message, answer each."),
    subprotocol: z
      .string("a subprotocol")
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "a subprotocol, which is one token")
      .exactOptional()
      .describe("websocket: the subprotocol to agree on. Default: the first that the client offers."),
    ...refused,
  }),
  (written, complain) => {
    checkGraphqlReply(written, complain);
    if ("graphql" in written) return;
    const besides = Object.keys(written).filter((key) => key !== "websocket" && key !== "subprotocol");
    if ("websocket" in written && besides.length > 0)
      complain(`expected websocket to stand alone, got ${besides.join(" and ")} beside it`, "websocket");
    if ("subprotocol" in written && !("websocket" in written))
      complain("only means something next to websocket", "subprotocol");
    const lists = ["cycle", "random", "grpc"].filter((key) => key in written);
    const direct = replyKeys.filter((key) => key in written);
    const isGrpc = lists.length === 1 && "grpc" in written;
    if (!isGrpc && lists.length > 0 && lists.length + direct.length > 1)
      complain(`expected ${lists[0]} to stand alone, got ${[...lists, ...direct].join(" and ")}`);
    if (isGrpc) checkEither(written, complain);
    else checkReply(written, complain);
    checkAlike(written.cycle, complain, "cycle");
    checkAlike(written.random, complain, "random");
  },
).transform((written): RespondSpec => {
  if (written.graphql !== undefined) return graphqlReplyOf(written.graphql, written);
  if (written.grpc !== undefined) return written.grpc;
  if (written.cycle !== undefined) return cycleOf(written.cycle);
  if (written.random !== undefined) return randomOf(written.random);
  if (written.websocket !== undefined)
    return { kind: "websocket", script: written.websocket, subprotocol: written.subprotocol ?? null };
  return { kind: "reply", reply: replyOf(written) };
});

/** The same with every `file` as an absolute path, seen from `folder`. */
export function withAbsoluteFiles(spec: RespondSpec, folder: string): RespondSpec {
  const place = (reply: ReplySpec): ReplySpec =>
    reply.body.kind !== "file" || isAbsolute(reply.body.path)
      ? reply
      : { ...reply, body: { kind: "file", path: resolve(folder, reply.body.path) } };
  switch (spec.kind) {
    case "reply":
      return { kind: "reply", reply: place(spec.reply) };
    case "cycle":
      return { kind: "cycle", replies: spec.replies.map(place) };
    case "random":
      return {
        kind: "random",
        choices: spec.choices.map((choice) => ({ weight: choice.weight, reply: place(choice.reply) })),
      };
    case "graphql": // its schema is placed with those of the whole rule
    case "websocket":
      return spec;
    default:
      return spec; // the dialects name no files here
  }
}
