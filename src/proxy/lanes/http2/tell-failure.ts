// What a client that knows of us hears where the upstream of a relayed call fails: words, in the protocol of the call.

import type { ResponseReply } from "../../../core/exchange.ts";
import type { HeadOfFlavour } from "../dialects/grpc/flavour.ts";
import { grpcRefusal } from "../dialects/grpc/refusal.ts";
import { grpcStatusIn } from "../dialects/grpc/status.ts";
import type { ConnectionWindows } from "./connection-windows.ts";
import { replyFields } from "./fixed-replies.ts";
import { errorCodes, flags, frame, frameTypes, headerFrames, resetFrame } from "./frames.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { failureText } from "./rich-road.ts";
import type { SettingsExchange } from "./settings-exchange.ts";
import type { RelayedStream } from "./stream.ts";
import type { Wires } from "./wires.ts";

export interface TellFailureDeps {
  readonly wires: Wires;
  readonly windows: ConnectionWindows;
  readonly settings: SettingsExchange;
}

/** Answers the stream, whose response has not begun. The text is left out where the client does not let us send as much. */
export function tellFailure(
  id: number,
  stream: RelayedStream,
  status: number,
  detail: string,
  deps: TellFailureDeps,
): void {
  const { wires, windows, settings } = deps;
  const refusal = stream.grpcType === null ? null : grpcRefusal(headOf(stream), status, detail);
  if (refusal) return tellByGrpc(id, stream, refusal, deps);
  const { headers, text } = failureText(detail);
  const fits = text.length <= Math.min(windows.room, settings.client.windowBytes, windows.frameBytes);
  const body = fits && stream.call.method !== "HEAD" ? text : null;
  const block = encodeLiterals(replyFields(status, headers, body?.length ?? null, null));
  stream.call.status = status;
  wires.aside(headerFrames(id, body ? 0 : flags.endStream, block, settings.takeTableDue()));
  if (body) windows.send(frame(frameTypes.data, flags.endStream, id, body), body.length);
  // RFC 9113 §8.1: the rest of the request is not wanted
  if (!stream.requestDone) wires.aside(resetFrame(id, errorCodes.none));
}

/** The same in the words of gRPC: a reply of trailers alone. */
function tellByGrpc(
  id: number,
  stream: RelayedStream,
  { status, headers }: ResponseReply,
  { wires, settings }: TellFailureDeps,
): void {
  const block = encodeLiterals(replyFields(status, headers, null, null));
  stream.call.status = status;
  stream.call.grpcStatus = grpcStatusIn(headers);
  wires.aside(headerFrames(id, flags.endStream, block, settings.takeTableDue()));
  if (!stream.requestDone) wires.aside(resetFrame(id, errorCodes.none));
}

/** As far as a refusal in the words of gRPC depends on it. */
function headOf({ call: { method, path }, grpcType }: RelayedStream): HeadOfFlavour {
  return { method, path, header: (name) => (name === "content-type" ? (grpcType ?? undefined) : undefined) };
}
