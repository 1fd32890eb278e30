// What a rule says in the words of gRPC, as data: validated as far as it can be without descriptors.

import type { HeaderList } from "./headers.ts";
import type { BodyMatch, DelaySpec, JsonPatchSpec, NamedMatch, TextMatch } from "./rule-values.ts";

/** Which gRPC, gRPC-Web and Connect calls. */
export interface GrpcMatchSpec {
  /** Full name with its package: `shop.v1.Inventory`. */
  readonly service: TextMatch | null;
  readonly method: TextMatch | null;
  /** On the first message of the request, as JSON. */
  readonly message: BodyMatch | null;
  /** Names in lower case. */
  readonly metadata: readonly NamedMatch[];
}

/** A status of gRPC: 0 to 16. */
export interface GrpcStatusSpec {
  readonly code: number;
  readonly text: string;
}

export interface GrpcReplySpec extends GrpcStatusSpec {
  readonly kind: "grpc";
  readonly messages: readonly GrpcMessageSpec[];
  /** Written as a list `messages`, not as one `message`. */
  readonly listed: boolean;
  /** google.rpc details, each with its `@type`. */
  readonly details: readonly unknown[];
  readonly metadata: HeaderList;
  readonly trailers: HeaderList;
  /** Strings in messages and the status text are Handlebars templates over `request`. */
  readonly template: boolean;
  /** Before anything is answered. */
  readonly delay: DelaySpec | null;
}

/** One reply, several in turn, or several by weight. */
export type GrpcRespondSpec =
  | GrpcReplySpec
  | { readonly kind: "grpc-cycle"; readonly replies: readonly GrpcReplySpec[] }
  | {
      readonly kind: "grpc-random";
      readonly choices: readonly { readonly weight: number; readonly reply: GrpcReplySpec }[];
    };

export interface GrpcMessageSpec {
  /** JSON as protobuf maps it. */
  readonly value: unknown;
  readonly delay: DelaySpec | null;
  /** Sent once so many request messages have come, or the request has ended. */
  readonly afterMessages: number;
}

/** Harm after so many messages of the response. */
export interface GrpcFaultSpec {
  readonly afterMessages: number;
  /** A status instead of the rest; the stream reset; half of the next message, then reset. */
  readonly how:
    | ({ readonly kind: "status" } & GrpcStatusSpec)
    | { readonly kind: "reset" }
    | { readonly kind: "halfMessage" };
}

/** Changes to each message that passes. */
export interface GrpcPatchSpec {
  readonly request: JsonPatchSpec | null;
  readonly response: JsonPatchSpec | null;
}
