// TLS opened and made anew towards the upstream: what a request costs on kept connections, and what a full handshake does.

import { handshakes } from "../generators/handshakes.ts";
import { wrkSecure } from "../generators/wrk.ts";
import { haproxySecure } from "../peers/haproxy.ts";
import { missingProgram } from "../peers/lookup.ts";
import { understudySecure } from "../peers/understudy.ts";
import { tinyRequest } from "../requests.ts";
import { startSecureUpstream } from "../secure.ts";
import { type LoadScenario, runLoad } from "./load.ts";
import type { Scenario } from "./scenario.ts";

const scenarios: readonly Omit<LoadScenario, "reference" | "others">[] = [
  {
    name: "tls-keep-alive",
    title: "HTTPS opened and made anew, kept-alive connections (wrk, 32 connections)",
    unit: "request",
    request: tinyRequest,
    generator: { missing: missingProgram("wrk"), make: () => wrkSecure },
    // Each slice begins with 32 handshakes, which are the next scenario's: the longer it is, the less they weigh.
    leastSeconds: 4,
  },
  {
    name: "tls-handshake",
    title: "A full TLS handshake for every request (8 at once)",
    unit: "request",
    request: tinyRequest,
    generator: { missing: null, make: () => handshakes },
    leastSeconds: 2,
  },
];

/** Each has an upstream of its own, which speaks TLS. */
export const secureScenarios: readonly Scenario[] = scenarios.map((scenario) => ({
  name: scenario.name,
  title: scenario.title,
  async run(surroundings) {
    const upstream = await startSecureUpstream(surroundings.folder());
    const peers = { reference: haproxySecure(upstream), others: [understudySecure(upstream)] };
    try {
      return await runLoad({ ...scenario, ...peers }, { ...surroundings, upstream: upstream.server });
    } finally {
      await upstream.server.stop();
    }
  },
}));
