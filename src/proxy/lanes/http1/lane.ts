// The HTTP/1 lane: one session a connection; replies that never vary are encoded once for all of them.

import type { Lane } from "../../../core/lane.ts";
import { createFixedReplies } from "./fixed-replies.ts";
import { ParserPool } from "./parsers.ts";
import { Http1Session } from "./session.ts";

export function createHttp1Lane(): Lane {
  const fixed = createFixedReplies();
  let pool: ParserPool | null = null;
  return {
    protocols: ["http/1"],
    serve(connection, first, traffic) {
      pool ??= new ParserPool(traffic.settings.limits);
      const session = new Http1Session(connection, traffic, fixed, pool);
      session.start(first);
      return session;
    },
  };
}
