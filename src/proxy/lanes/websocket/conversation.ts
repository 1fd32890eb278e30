// The conversation that a script holds on a connection: whom it talks to, and the message that it answers.

import { bodyOf, emptyBody } from "../../../core/body.ts";
import type { Conversation, Exchange, SocketScript } from "../../../core/exchange.ts";
import type { Payload } from "../../../core/payload.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import { Inbox } from "./inbox.ts";

/** What a conversation needs of the connection. */
export interface Talk {
  send(payload: Payload, to: Way): Promise<void>;
  /** Calls `look` with each whole message from now on; the returned function ends it. */
  watch(look: (way: Way, payload: Payload) => void): () => void;
  close(code: number, reason: string): void;
  cut(): void;
}

/** The message that a script answers. */
export interface Asked {
  readonly way: Way;
  readonly payload: Payload;
}

/**
 * Runs a script to its end, which is also that of its rule: it sees `faultEnds` of the exchange. `asked` null: it began by itself, and talks to the client. Rejects where it cannot go on;
 * `signal` ends it.
 */
export async function converse(
  script: SocketScript,
  exchange: Exchange,
  talk: Talk,
  asked: Asked | null,
  signal: AbortSignal,
): Promise<void> {
  const inbox = new Inbox();
  const unwatch = talk.watch((way, payload) => inbox.push(way, payload));
  try {
    await script.run(conversationOver(exchange, talk, asked, inbox), signal);
  } finally {
    unwatch();
    if (inbox.lost > 0) exchange.note?.(`${inbox.lost} messages came faster than the script asked for them`);
  }
}

function conversationOver(exchange: Exchange, talk: Talk, asked: Asked | null, inbox: Inbox): Conversation {
  const partner: Way = asked ? turned(asked.way) : "toDownstream";
  let shown = withMessage(exchange, asked?.payload ?? null);
  return {
    get exchange() {
      return shown;
    },
    send: (payload, to) => talk.send(payload, to ?? partner),
    async next(way, test, signal) {
      shown = withMessage(exchange, await inbox.next(way ?? turned(partner), test, signal));
    },
    close: (code, reason) => talk.close(code, reason),
    cut: () => talk.cut(),
  };
}

function turned(way: Way): Way {
  return way === "toUpstream" ? "toDownstream" : "toUpstream";
}

/** The upgrade request with the message as its body, so that templates see it as `request.body` and `request.json`. */
function withMessage(exchange: Exchange, payload: Payload | null): Exchange {
  const { id, connection, head, signal, faultEnds, note } = exchange;
  const body = payload === null ? emptyBody : bodyOf(payload.bytes);
  return {
    ...{ id, connection, head, signal, body },
    ...(faultEnds ? { faultEnds } : {}),
    ...(note ? { note } : {}),
  };
}
