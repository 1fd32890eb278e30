// A mocked GraphQL server at the far end of a WebSocket, in either protocol: it greets, answers operations side by side, and
// closes on whoever breaks the protocol, with the codes that it names.

import type { Clock } from "../../../../../core/clock.ts";
import type { Conversation, SocketReply, SocketScript } from "../../../../../core/exchange.ts";
import type { AnswerOperation } from "../mock/graphql-mock.ts";
import { type ClientMessage, payloadOf, readClientMessage } from "../wire/socket-message.ts";
import { closeReason, socketClosings } from "./closing.ts";
import { SocketOperations } from "./operations.ts";

export interface SocketServerDeps {
  readonly clock: Clock;
  readonly answer: AnswerOperation;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
}

/** For the client to introduce itself, as the server of graphql-ws waits. */
const greetingMs = 3_000;
export function socketServer(subprotocol: string, deps: SocketServerDeps): SocketReply {
  const script: SocketScript = {
    run: (conversation, signal) => new SocketServer(conversation, signal, deps).run(),
  };
  return { kind: "websocket", script, subprotocol };
}

class SocketServer {
  readonly #conversation: Conversation;
  readonly #signal: AbortSignal;
  readonly #deps: SocketServerDeps;
  readonly #operations: SocketOperations;
  #greeted = false;

  constructor(conversation: Conversation, signal: AbortSignal, deps: SocketServerDeps) {
    this.#conversation = conversation;
    this.#signal = signal;
    this.#deps = deps;
    this.#operations = new SocketOperations(deps.answer);
  }

  async run(): Promise<void> {
    const late = () => this.#close(socketClosings.late, "Connection initialisation timeout");
    const timer = this.#deps.clock.after(greetingMs, late, { background: true });
    try {
      for (;;) {
        await this.#conversation.next(null, null, this.#signal);
        const { exchange } = this.#conversation;
        const message = readClientMessage(await exchange.body.read(this.#deps.maxMessageBytes));
        if (message.kind === "init" && !this.#greeted) timer.cancel();
        if (!(await this.#take(message))) return;
      }
    } finally {
      timer.cancel();
      this.#operations.stopAll();
    }
  }

  /** False: the conversation is over. */
  async #take(message: ClientMessage): Promise<boolean> {
    switch (message.kind) {
      case "init":
        if (this.#greeted)
          return this.#close(socketClosings.greetedTwice, "Too many initialisation requests");
        this.#greeted = true;
        await this.#conversation.send(payloadOf({ type: "connection_ack" }), null);
        return true;
      case "ping": {
        const { payload } = message;
        const pong = { type: "pong", ...(payload === undefined ? {} : { payload }) };
        await this.#conversation.send(payloadOf(pong), null);
        return true;
      }
      case "pong":
        return true;
      case "stop":
        this.#operations.stop(message.id);
        return true;
      case "terminate":
        return this.#close(1000, "");
      case "invalid":
        return this.#close(socketClosings.invalid, message.why);
      case "subscribe":
        return this.#subscribe(message);
      default:
        return message satisfies never;
    }
  }

  #subscribe(message: ClientMessage & { readonly kind: "subscribe" }): boolean {
    if (!this.#greeted) return this.#close(socketClosings.unauthorized, "Unauthorized");
    if (this.#operations.has(message.id))
      return this.#close(socketClosings.duplicate, `Subscriber for ${message.id} already exists`);
    const conversation = this.#conversation;
    const { exchange } = conversation;
    const running = this.#operations.run(
      message,
      exchange,
      (payload) => conversation.send(payload, null),
      this.#signal,
    );
    // It has left its note; the others go on.
    void running.catch(() => undefined);
    return true;
  }

  #close(code: number, reason: string): false {
    this.#conversation.close(code, closeReason(reason));
    return false;
  }
}
