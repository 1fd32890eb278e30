// Nobody in between: what the generator and the upstream reach alone.

import type { Peer } from "./peer.ts";

export const direct: Peer = {
  id: "direct",
  title: "direct, no proxy",
  missing: () => null,
  async start({ upstreamPort }) {
    // pid 0 is no process: its run time and memory are 0.
    return {
      name: "direct",
      pid: 0,
      port: upstreamPort,
      startMs: 0,
      lastWords: () => null,
      stop: async () => {},
    };
  },
};
