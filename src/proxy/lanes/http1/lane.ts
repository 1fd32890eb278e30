// The HTTP/1 lane: one session a connection; replies that never vary are encoded once for all of them.

import type { Lane } from "../../../core/lane.ts";
import { createFixedReplies } from "./fixed-replies.ts";
import { Http1Session } from "./session.ts";

export function createHttp1Lane(): Lane {
  const fixed = createFixedReplies();
  return {
    protocols: ["http/1"],
    serve(connection, first, traffic) {
      const session = new Http1Session(connection, traffic, fixed);
      session.start(first);
      return session;
    },
  };
}
