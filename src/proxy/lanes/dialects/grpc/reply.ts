// A reply of ours in each flavour: messages, then a status, in headers, trailers, or the last envelope.

import { bodyOf, emptyBody, streamBody } from "../../../../core/body.ts";
import type { ResponseReply } from "../../../../core/exchange.ts";
import type { HeaderList } from "../../../../core/headers.ts";
import { envelope, envelopeFlags } from "./envelope.ts";
import type { Flavour } from "./flavour.ts";
import { anyParts } from "./raw-message.ts";
import { connectError, connectHttpStatus, type Status, statusFields } from "./status.ts";

export interface ReplyParts {
  readonly metadata: HeaderList;
  readonly trailers: HeaderList;
  /** Messages without envelopes; null: none will come. Returns the status that holds at their end. */
  readonly messages: AsyncGenerator<Uint8Array, Status> | null;
  /** Where there are no messages. */
  readonly status: Status;
}

/** The reply in the flavour of its call. */
export async function replyIn(flavour: Flavour, parts: ReplyParts): Promise<ResponseReply> {
  switch (flavour.name) {
    case "grpc":
      return grpcReply(flavour, parts);
    case "connect":
      return connectUnary(flavour, parts);
    case "grpc-web":
    case "grpc-web-text":
    case "connect-stream":
      return inEnvelopes(flavour, parts);
    default:
      return flavour.name satisfies never;
  }
}

function response(status: number, headers: HeaderList, body: ResponseReply["body"]): ResponseReply {
  return { kind: "response", status, reason: "", headers, body };
}

/** PROTOCOL-HTTP2 "Responses": without messages, all of it in one block ("Trailers-Only"). */
function grpcReply(
  { contentType }: Flavour,
  { metadata, trailers, messages, status }: ReplyParts,
): ResponseReply {
  const head: HeaderList = [["content-type", contentType], ...metadata];
  if (messages === null) return response(200, [...head, ...statusFields(status), ...trailers], emptyBody);
  let end = status;
  const chunks = async function* () {
    for (;;) {
      const step = await messages.next();
      if (step.done) {
        end = step.value;
        return;
      }
      yield envelope(0, step.value);
    }
  };
  const after = () => [...statusFields(end), ...trailers];
  return response(
    200,
    head,
    streamBody(null, () => closing(chunks(), messages), after),
  );
}

/** Whoever stops reading ends what makes the messages, too. */
async function* closing(
  chunks: AsyncGenerator<Uint8Array>,
  source: AsyncGenerator<Uint8Array, Status>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    await source.return(ended);
  }
}

const ended: Status = { code: 1, text: "", details: [] };

/** gRPC-Web and Connect streams say the status in a last envelope, because browsers see no trailers. */
function inEnvelopes(flavour: Flavour, { metadata, trailers, messages, status }: ReplyParts): ResponseReply {
  const wrap = (bytes: Buffer) =>
    flavour.name === "grpc-web-text" ? Buffer.from(bytes.toString("base64"), "latin1") : bytes;
  const last = (end: Status) =>
    flavour.name === "connect-stream"
      ? envelope(envelopeFlags.end, Buffer.from(JSON.stringify(endOfStream(end, trailers))))
      : envelope(envelopeFlags.trailers, Buffer.from(trailerLines([...statusFields(end), ...trailers])));
  const chunks = async function* () {
    let end = status;
    while (messages) {
      const step = await messages.next();
      if (step.done) {
        end = step.value;
        break;
      }
      yield wrap(envelope(0, step.value));
    }
    yield wrap(last(end));
  };
  const head: HeaderList = [["content-type", flavour.contentType], ...metadata];
  const body = streamBody(null, () => (messages ? closing(chunks(), messages) : chunks()));
  return response(200, head, body);
}

function trailerLines(fields: HeaderList): string {
  return fields.map(([name, value]) => `${name.toLowerCase()}: ${value}\r\n`).join("");
}

function endOfStream(status: Status, trailers: HeaderList): unknown {
  const metadata: Record<string, string[]> = {};
  for (const [name, value] of trailers) metadata[name] = [...(metadata[name] ?? []), value];
  return {
    ...(status.code === 0 ? {} : { error: connectError(status, status.details.map(anyParts)) }),
    ...(trailers.length === 0 ? {} : { metadata }),
  };
}

/** A unary call of Connect is plain HTTP: its message is the body, its error is JSON under a status of HTTP. */
async function connectUnary(
  { contentType }: Flavour,
  { metadata, trailers, messages, status }: ReplyParts,
): Promise<ResponseReply> {
  const first = await messages?.next();
  const end = first?.done ? first.value : ((await messages?.next())?.value ?? status);
  const fields: HeaderList = [
    ...metadata,
    ...trailers.map(([name, value]) => [`trailer-${name}`, value] as const),
  ];
  if (end instanceof Uint8Array || end.code === 0) {
    const message = first && !first.done ? first.value : Buffer.alloc(0);
    return response(200, [["content-type", contentType], ...fields], bodyOf(message));
  }
  const error = Buffer.from(JSON.stringify(connectError(end, end.details.map(anyParts))));
  return response(
    connectHttpStatus(end.code),
    [["content-type", "application/json"], ...fields],
    bodyOf(error),
  );
}

/** A status without messages. */
export function statusReply(flavour: Flavour, code: number, text: string): Promise<ResponseReply> {
  const status: Status = { code, text, details: [] };
  return replyIn(flavour, { metadata: [], trailers: [], messages: null, status });
}
