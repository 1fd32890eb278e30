// `respond.graphql` on a WebSocket that goes on to the real server: the operations that the rule claims are answered here,
// under the client's ids, and never heard of upstream. Everything else passes.

import type { MessageAct, MessageActor, MessagePlan } from "../../../../../core/message.ts";
import type { Payload } from "../../../../../core/payload.ts";
import type { OperationTest } from "../match.ts";
import type { AnswerOperation } from "../mock/graphql-mock.ts";
import { readClientMessage } from "../wire/socket-message.ts";
import { closeReason, socketClosings } from "./closing.ts";
import { SocketOperations } from "./operations.ts";

/** `concerns`: which operations the rule claims. */
export function answeredMessages(answer: AnswerOperation, concerns: OperationTest): MessagePlan {
  return messagePlan(() => {
    const operations = new SocketOperations(answer);
    return {
      act: (message, way) => (way === "toUpstream" ? actOn(message, operations, concerns) : null),
    };
  });
}

/** A plan that may do anything to any message. `open`: for each connection, what becomes of its messages. */
export function messagePlan(open: () => MessageActor): MessagePlan {
  return Object.freeze({
    open,
    ...{ inject: null, ignorePings: false, acts: true, alters: true, whole: true, watches: false },
  });
}

function actOn({ bytes }: Payload, operations: SocketOperations, concerns: OperationTest): MessageAct | null {
  const message = readClientMessage(bytes);
  if (message.kind === "stop") return operations.stop(message.id) ? { kind: "drop" } : null;
  if (message.kind !== "subscribe") return null;
  const { id, params } = message;
  // The real server closes on an id that is in use; it does not know of those that are in use here.
  if (operations.has(id)) {
    const reason = closeReason(`Subscriber for ${id} already exists`);
    return { kind: "close", code: socketClosings.duplicate, reason };
  }
  if (typeof params === "string" || !concerns(params)) return null;
  return {
    kind: "answer",
    script: {
      run: (conversation, signal) =>
        operations.run(
          message,
          conversation.exchange,
          (said) => conversation.send(said, "toDownstream"),
          signal,
        ),
    },
  };
}
