// The HTTP/2 lane: prior knowledge, or handed over with its protocol known. A connection that no rule can concern is not
// parsed at all.

import type { Lane } from "../../../core/lane.ts";
import { createFixedReplies } from "./fixed-replies.ts";
import { Http2Session } from "./session.ts";

/** `opaque`: relays what need not be parsed. */
export function createHttp2Lane(opaque: Lane): Lane {
  const fixed = createFixedReplies();
  return {
    protocols: ["http/2"],
    serve(connection, first, traffic, protocol) {
      if (!connection.originalDestination || !traffic.mayClaim(connection))
        return opaque.serve(connection, first, traffic, protocol);
      const session = new Http2Session(connection, traffic, fixed);
      session.start(first);
      return session;
    },
  };
}
