// How a call of the gRPC family ends: a status with its text and details, in the words of each flavour.

import { grpcStatusName } from "../../../../core/grpc-status.ts";
import type { HeaderList } from "../../../../core/headers.ts";
import { lengthDelimited, tag, varint, wireTypes } from "./wire.ts";

export interface Status {
  readonly code: number;
  readonly text: string;
  /** google.protobuf.Any, encoded. */
  readonly details: readonly Uint8Array[];
}

/** `grpc-status`, `grpc-message`, `grpc-status-details-bin`. */
export function statusFields({ code, text, details }: Status): HeaderList {
  const fields: (readonly [string, string])[] = [["grpc-status", String(code)]];
  if (text !== "") fields.push(["grpc-message", percentEncoded(text)]);
  if (details.length > 0)
    fields.push([
      "grpc-status-details-bin",
      richStatus({ code, text, details }).toString("base64").replace(/=+$/, ""),
    ]);
  return fields;
}

/** PROTOCOL-HTTP2 "Status-Message": UTF-8, with all but printable ASCII percent-encoded. */
export function percentEncoded(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x25
      ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
      : String.fromCharCode(byte),
  ).join("");
}

/** google.rpc.Status {int32 code = 1; string message = 2; repeated Any details = 3}. */
export function richStatus({ code, text, details }: Status): Buffer {
  return Buffer.concat([
    tag(1, wireTypes.varint),
    varint(code),
    lengthDelimited(2, Buffer.from(text)),
    ...details.map((detail) => lengthDelimited(3, detail)),
  ]);
}

/** Codes of Connect are the names of gRPC in small letters; CANCELLED has one L there. */
export function connectCode(code: number): string {
  return code === 1 ? "canceled" : grpcStatusName(code).toLowerCase();
}

/** connectrpc.com/docs/protocol "Error codes". */
const connectStatuses = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];

/** HTTP status of a unary Connect error. */
export function connectHttpStatus(code: number): number {
  return connectStatuses[code] ?? 500;
}

export interface ConnectError {
  readonly code: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** The error of Connect as JSON. `details`: Any, taken apart. */
export function connectError(
  { code, text }: Status,
  details: readonly { readonly type: string; readonly value: Uint8Array }[],
): ConnectError {
  const coded = details.map(({ type, value }) => ({
    type,
    value: Buffer.from(value).toString("base64").replace(/=+$/, ""),
  }));
  return {
    code: connectCode(code),
    ...(text === "" ? {} : { message: text }),
    ...(coded.length === 0 ? {} : { details: coded }),
  };
}

/** `grpc-status` among headers or trailers; null where it does not stand there. */
export function grpcStatusIn(fields: HeaderList): number | null {
  for (const [name, value] of fields)
    if (name.length === 11 && name.toLowerCase() === "grpc-status") return Number(value);
  return null;
}
