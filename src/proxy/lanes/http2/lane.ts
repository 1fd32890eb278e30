// The HTTP/2 lane: prior knowledge, or handed over with its protocol known. A connection that no rule can concern is not
// parsed, as long as none does.

import type { Lane } from "../../../core/lane.ts";
import { createFixedReplies } from "./fixed-replies.ts";
import { Http2Session } from "./session.ts";
import { UnreadConnection } from "./unread-connection.ts";

/** `opaque`: relays what need not be parsed. */
export function createHttp2Lane(opaque: Lane): Lane {
  const fixed = createFixedReplies();
  return {
    protocols: ["http/2"],
    serve(connection, first, traffic, protocol) {
      if (!connection.originalDestination) return opaque.serve(connection, first, traffic, protocol);
      if (!traffic.mayClaim(connection))
        return opaque.serve(new UnreadConnection(connection, traffic), first, traffic, protocol);
      const session = new Http2Session(connection, traffic, fixed);
      session.start(first);
      return session;
    },
  };
}
