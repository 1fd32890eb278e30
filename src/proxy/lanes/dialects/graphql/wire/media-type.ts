// Which media type an answer has, and which status goes with it: GraphQL over HTTP §6.

/** `graphql`: application/graphql-response+json, where the status tells errors; `json`: application/json, where it does not. */
export type AnswerType = "graphql" | "json" | "event-stream";

const names: readonly (readonly [RegExp, AnswerType])[] = [
  [/^application\/graphql-response\+json$/, "graphql"],
  [/^(?:application\/json|application\/\*|\*\/\*)$/, "json"],
  [/^text\/event-stream$/, "event-stream"],
];

/**
 * The type that the client likes best, by `q` (RFC 9110 §12.5.1), then by order; `json` where it names none. null where
 * it takes none of them.
 */
export function answerTypeOf(accept: string | undefined): AnswerType | null {
  if (accept === undefined || accept.trim() === "") return "json";
  let best: AnswerType | null = null;
  let bestWeight = 0;
  for (const part of accept.split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const type = names.find(([pattern]) => pattern.test(name))?.[1];
    const weight = weightOf(parameters);
    if (type === undefined || weight <= bestWeight || !speaksUtf8(parameters)) continue;
    best = type;
    bestWeight = weight;
  }
  return best;
}

/** The value of Accept without what comes in parts: a server then answers at once. */
export function acceptInOnePiece(accept: string): string {
  const whole = accept.split(",").filter((part) => !/^\s*(?:multipart\/|text\/event-stream)/i.test(part));
  return whole.length === 0 ? "application/graphql-response+json, application/json" : whole.join(",").trim();
}

/** The value of Content-Type. */
export function contentTypeOf(type: AnswerType): string {
  if (type === "event-stream") return "text/event-stream; charset=utf-8";
  return `application/${type === "graphql" ? "graphql-response+json" : "json"}; charset=utf-8`;
}

/** `executed`: false where the operation was refused before it ran (§6.4.1, §6.4.2). */
export function statusOf(type: AnswerType, executed: boolean): number {
  return type === "graphql" && !executed ? 400 : 200;
}

function weightOf(parameters: readonly string[]): number {
  const found = parameters.find((parameter) => parameter.startsWith("q="));
  const weight = found === undefined ? 1 : Number(found.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 1;
}

function speaksUtf8(parameters: readonly string[]): boolean {
  const found = parameters.find((parameter) => parameter.startsWith("charset="));
  return found === undefined || /^charset="?utf-?8"?$/.test(found);
}
