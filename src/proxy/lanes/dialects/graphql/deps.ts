// What the GraphQL dialect is lent by other stages, and how it asks another server. The composition root fills it in.

import type { HostPort } from "../../../../core/address.ts";
import type { Body, Exchange } from "../../../../core/exchange.ts";
import type { HeaderList } from "../../../../core/headers.ts";
import type { BodyMatch, TextMatch } from "../../../../core/rule.ts";
import type { RulePath } from "../../../../core/rule-problem.ts";
import type { Tap } from "../../../../core/tap.ts";

/** A request of our own, apart from the call that made it necessary. */
export interface OwnRequest {
  readonly scheme: "http" | "https";
  /** Where it is dialled; the authority may be another. */
  readonly destination: HostPort;
  readonly authority: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

export interface OwnReply {
  readonly status: number;
  readonly headers: HeaderList;
  /** As sent, content coding included. */
  readonly body: Uint8Array;
}

/** POSTs. Rejects with connect_failed, body_too_large past `maxBytes`, or the signal's reason. */
export type Ask = (request: OwnRequest, maxBytes: number, signal: AbortSignal) => Promise<OwnReply>;

/** `larger`: more than the limit; `body` gives all of it. */
export type Held =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "larger"; readonly body: Body };

export interface GraphqlDeps {
  /** A condition on a JSON value. Throws RuleProblem. */
  readonly jsonTest: (match: BodyMatch, path: RulePath) => (value: unknown) => boolean;
  /** A condition on a text; undefined: there is none. Throws RuleProblem. */
  readonly textTest: (match: TextMatch, path: RulePath) => (text: string | undefined) => boolean;
  /** A template over `request`, whose `json` is `view`. Throws RuleProblem. */
  readonly textTemplate: (text: string, path: RulePath) => (exchange: Exchange, view: unknown) => string;
  /** JSON whose numbers print as they were written. Throws SyntaxError. */
  readonly parseJson: (text: string) => unknown;
  readonly holdBody: (body: Body, limitBytes: number) => Promise<Held>;
  /** Undoes Content-Encoding; null where it cannot, or the result is larger. */
  readonly decodeBody: (
    body: Uint8Array,
    encoding: string | undefined,
    limitBytes: number,
  ) => Uint8Array | null;
  readonly ask: Ask;
  /** A signal that aborts after so many milliseconds. */
  readonly deadline: (ms: number) => AbortSignal;
  readonly tap: Tap;
}
