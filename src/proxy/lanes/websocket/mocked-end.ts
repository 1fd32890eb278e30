// The far end of a WebSocket that a rule answers: a script over `ws`, reached through a link like any upstream, so that
// rules on messages work against it as against a real one.

import type { HostPort } from "../../../core/address.ts";
import { messageOf } from "../../../core/errors.ts";
import type { Exchange, SocketReply } from "../../../core/exchange.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import { converse, type Talk } from "./conversation.ts";
import { type Handshake, shakeHands } from "./handshake.ts";

/** The reply to the handshake, and what the connection becomes. */
export interface MockedEnd extends Pick<Handshake, "status" | "headers" | "body"> {
  /** Starts the script; its frames wait until the link is resumed. null: the handshake was refused. */
  readonly open: ((events: LinkEvents) => Link) | null;
}

const nowhere: HostPort = { host: "", port: 0 };

/** `exchange`: the upgrade request in a copy that stays. */
export function mockedEnd(reply: SocketReply, exchange: Exchange, maxMessageBytes: number): MockedEnd {
  const hands = shakeHands(exchange.head, { subprotocol: reply.subprotocol, maxMessageBytes });
  const { status, headers, body, accepted } = hands;
  if (!accepted) return { status, headers, body, open: null };
  const { socket, webSocket } = accepted;
  const open = (events: LinkEvents): Link => {
    const link = socket.link(exchange.connection.originalDestination ?? nowhere, events);
    const stop = new AbortController();
    webSocket.on("close", () => stop.abort());
    webSocket.on("error", (error) => exchange.note?.(`the client broke the protocol: ${error.message}`));
    const talk = talkOver(accepted, stop.signal);
    converse(reply.script, exchange, talk, null, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) exchange.note?.(messageOf(error));
    });
    return link;
  };
  return { status, headers, body, open };
}

function talkOver({ socket, webSocket }: NonNullable<Handshake["accepted"]>, signal: AbortSignal): Talk {
  return {
    send: ({ bytes, binary }) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        webSocket.send(bytes, { binary }, (error) => (error ? reject(error) : resolve()));
      }),
    watch(look) {
      // `ws` hands messages out as Buffers, which is its default binary type.
      const onMessage = (data: unknown, binary: boolean) =>
        look("toUpstream", { binary, bytes: data as Buffer });
      webSocket.on("message", onMessage);
      return () => void webSocket.off("message", onMessage);
    },
    close: (code, reason) => webSocket.close(code, reason),
    cut: () => socket.cut(),
  };
}
