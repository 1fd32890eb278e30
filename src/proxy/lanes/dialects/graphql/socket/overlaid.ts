// `patch.graphql` on a WebSocket: an operation goes upstream without what the rule answers, under the client's id, and each
// of its results is completed on its way back. Subscriptions pass as they are.
//
//   subscribe ──► prune ──► upstream          what comes back for an id leaves in the order in which it came,
//   client ◄── merge ◄── next, complete       also where the rule delays it; other ids do not wait
//
// Where nothing is left to ask, the upstream never hears of the operation. What was begun under the rule ends under it, also
// where the rule is gone meanwhile: its result lacks what was not asked for.

import type { DialectTools } from "../../../../../core/dialect.ts";
import type { Conversation } from "../../../../../core/exchange.ts";
import type { MessageAct, MessagePlan } from "../../../../../core/message.ts";
import type { Payload } from "../../../../../core/payload.ts";
import type { Way } from "../../../../../core/rule-websocket.ts";
import { isGuarded } from "../limits.ts";
import type { OverlaidItem } from "../overlay/item.ts";
import type { OverlaidOperations, OverlayRule } from "../overlay/overlay-rule.ts";
import { bodyOfParams, type GraphqlParams } from "../wire/params.ts";
import {
  type ClientMessage,
  payloadOf,
  readClientMessage,
  readServerMessage,
  type ServerMessage,
} from "../wire/socket-message.ts";
import { messagePlan } from "./answered.ts";
import { maxOperations } from "./operations.ts";

export interface OverlaidMessagesDeps extends Pick<DialectTools, "wait"> {
  readonly rule: OverlayRule;
  /** JSON whose numbers print as they were written. */
  readonly parseJson: (text: string) => unknown;
}

export function overlaidMessages(deps: OverlaidMessagesDeps): MessagePlan {
  const plan = messagePlan(() => {
    const operations = new Map<string, OverlaidOperation>();
    return {
      act: ({ bytes }, way) =>
        way === "toUpstream" ? toUpstream(bytes, operations, deps) : toDownstream(bytes, operations, deps),
      finish: ({ bytes }, way) => finish(bytes, way, operations, deps),
    };
  });
  return isGuarded(deps.rule.spec.limits) ? Object.freeze({ ...plan, unread: unseen }) : plan;
}

/** RFC 6455 §7.4.1 */
const unseen = {
  way: "toUpstream",
  code: 1009,
  reason: "an operation that is too large to be held to its limits",
} as const;

type Operations = Map<string, OverlaidOperation>;
type Subscribe = ClientMessage & { readonly kind: "subscribe" };

function toUpstream(
  bytes: Uint8Array,
  operations: Operations,
  deps: OverlaidMessagesDeps,
): MessageAct | null {
  const message = readClientMessage(bytes, deps.parseJson);
  if (message.kind === "stop") return stop(message.id, operations);
  if (message.kind !== "subscribe" || typeof message.params === "string") return null;
  const { id, params } = message;
  // An id in use, or too many of them: the real server has its own way with these.
  if (!deps.rule.concerns(params) || operations.has(id) || operations.size >= maxOperations) return null;
  const forget = () => {
    if (operations.get(id) === operation) operations.delete(id);
  };
  const operation = new OverlaidOperation(message, bytes, forget, deps);
  operations.set(id, operation);
  return answering((conversation, signal) => operation.begin(params, conversation, signal));
}

/** The rule is gone: operations that go upstream from now on go there as they are. */
function finish(
  bytes: Uint8Array,
  way: Way,
  operations: Operations,
  deps: OverlaidMessagesDeps,
): MessageAct | null {
  if (operations.size === 0) return null;
  if (way === "toDownstream") return toDownstream(bytes, operations, deps);
  const message = readClientMessage(bytes, deps.parseJson);
  return message.kind === "stop" ? stop(message.id, operations) : null;
}

/** A stop must not overtake its operation, which may still wait for the schema. */
function stop(id: string, operations: Operations): MessageAct | null {
  const operation = operations.get(id);
  if (operation === undefined) return null;
  operations.delete(id);
  return operation.stop() ? null : { kind: "drop" };
}

function toDownstream(
  bytes: Uint8Array,
  operations: Operations,
  deps: OverlaidMessagesDeps,
): MessageAct | null {
  if (operations.size === 0) return null;
  const message = readServerMessage(bytes, deps.parseJson);
  const operation = message.kind === "other" ? undefined : operations.get(message.id);
  return operation?.heard(message, bytes) ?? null;
}

function answering(run: (conversation: Conversation, signal: AbortSignal) => Promise<void>): MessageAct {
  return { kind: "answer", script: { run } };
}

/** What has gone upstream, and how its results become whole. */
interface Following {
  readonly overlay: OverlaidOperations;
  readonly item: OverlaidItem & { readonly kind: "pruned" };
}

/** One operation, from the client's message until the last word about it. */
class OverlaidOperation {
  readonly #asked: Subscribe;
  readonly #bytes: Uint8Array;
  readonly #forget: () => void;
  readonly #deps: OverlaidMessagesDeps;
  #following: Following | null = null;
  #isStopped = false;
  /** What must be waited for, or said, before anything else of it is; null: nothing. */
  #before: Promise<unknown> | null = null;

  constructor(asked: Subscribe, bytes: Uint8Array, forget: () => void, deps: OverlaidMessagesDeps) {
    this.#asked = asked;
    this.#bytes = bytes;
    this.#forget = forget;
    this.#deps = deps;
  }

  async begin(params: GraphqlParams, conversation: Conversation, signal: AbortSignal): Promise<void> {
    try {
      const overlay = await this.#deps.rule.operationsOf(conversation.exchange);
      if (!this.#isStopped) await this.#ask(overlay, overlay.item(params), conversation, signal);
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** The client wants no more of it. True: the upstream knows of it, and must hear so. */
  stop(): boolean {
    this.#isStopped = true;
    return this.#following !== null;
  }

  /** What becomes of a message of the upstream about it; null: it passes. */
  heard(message: ServerMessage, bytes: Uint8Array): MessageAct | null {
    const following = this.#following;
    if (following === null) return null;
    const isLast = message.kind === "end";
    if (isLast && this.#before === null) {
      this.#forget();
      return null;
    }
    const said = message.kind === "result" ? completed(message, following) : textOf(bytes);
    return answering((conversation) => this.#say(said, isLast, conversation));
  }

  #ask(
    overlay: OverlaidOperations,
    item: OverlaidItem,
    conversation: Conversation,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, words, written } = this.#asked;
    if (item.kind === "untouched") {
      this.#forget();
      return conversation.send(textOf(this.#bytes), "toUpstream");
    }
    if (item.kind === "refused") {
      this.#forget();
      return conversation.send(words.errors(id, item.result.errors ?? []), "toDownstream");
    }
    const { faultEnds } = conversation.exchange;
    const delays = Promise.all(item.delays.map((delay) => this.#deps.wait(delay, signal, faultEnds)));
    delays.catch(() => undefined); // who waits for them hears of it
    if (item.params === null) return this.#answerAll({ overlay, item }, delays, conversation);
    this.#following = { overlay, item };
    if (item.delays.length > 0) this.#before = delays;
    const payload = bodyOfParams(item.params);
    const asked = item.pruned.changed ? payloadOf({ ...written, payload }) : textOf(this.#bytes);
    return conversation.send(asked, "toUpstream");
  }

  /** Nothing is left to ask. */
  async #answerAll(
    { overlay, item }: Following,
    delays: Promise<unknown>,
    conversation: Conversation,
  ): Promise<void> {
    const { id, words } = this.#asked;
    await delays;
    if (this.#isStopped) return;
    this.#forget();
    await conversation.send(words.result(id, overlay.complete(item, null)), "toDownstream");
    await conversation.send(words.complete(id), "toDownstream");
  }

  #say(said: Payload, isLast: boolean, conversation: Conversation): Promise<void> {
    const say = async () => {
      if (isLast) this.#forget();
      if (!this.#isStopped) await conversation.send(said, "toDownstream");
      if (this.#before === turn) this.#before = null;
    };
    const turn: Promise<void> = (this.#before ?? Promise.resolve()).then(say);
    this.#before = turn;
    return turn;
  }
}

function completed(message: ServerMessage & { readonly kind: "result" }, following: Following): Payload {
  const payload = following.overlay.complete(following.item, message.result);
  return payloadOf({ ...message.written, payload });
}

function textOf(bytes: Uint8Array): Payload {
  return { binary: false, bytes };
}
