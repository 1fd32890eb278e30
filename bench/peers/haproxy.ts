// HAProxy on one thread, in the ways that a user would put it there.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cores } from "../machine.ts";
import { connectionPairs } from "../open-files.ts";
import { freePort, startServer } from "../processes.ts";
import { mockBody } from "../requests.ts";
import type { SecureUpstream } from "../secure.ts";
import { missingProgram } from "./lookup.ts";
import type { Peer, PeerContext } from "./peer.ts";

/** Reads, decides nothing, relays on reused upstream connections. */
export const haproxyHttp = haproxy("haproxy", "HAProxy, mode http", ({ upstreamPort }, port) =>
  httpConfig(port, upstreamPort, ""),
);

/** Looks each call up among 1,000 rules and writes its access log. */
export const haproxyMap = haproxy("haproxy-map", "HAProxy, 1,000-entry map + httplog", (context, port) => {
  const map = join(context.folder, "rules.map");
  const lines = Array.from({ length: 1_000 }, (_, index) => `svc-${index}.bench/v1/thing-${index} mocked`);
  writeFileSync(map, `${lines.join("\n")}\n`);
  const decide = `  log stdout format raw local0
  option httplog
  http-request set-var(txn.rule) base,map_str(${map},none)
  http-request deny deny_status 503 if { var(txn.rule) -m str mocked }`;
  return httpConfig(port, context.upstreamPort, decide);
});

/** HTTP/2 on both sides. */
export const haproxyHttp2 = haproxy("haproxy-h2", "HAProxy, HTTP/2 on both sides", ({ upstreamPort }, port) =>
  [
    frame("http"),
    "frontend front",
    `  bind 127.0.0.1:${port} proto h2`,
    "  default_backend back",
    "backend back",
    "  http-reuse always",
    `  server upstream 127.0.0.1:${upstreamPort} proto h2`,
    "",
  ].join("\n"),
);

export const haproxySecureTitle = "HAProxy, TLS on both sides";

/** TLS ended, and begun anew towards the upstream, whose certificate it verifies. */
export const haproxySecure = (secure: SecureUpstream): Peer =>
  haproxy("haproxy-tls", haproxySecureTitle, ({ upstreamPort }, port) =>
    [
      frame("http"),
      "frontend front",
      `  bind 127.0.0.1:${port} ssl crt ${secure.pair}`,
      "  default_backend back",
      "backend back",
      "  http-reuse always",
      `  server upstream 127.0.0.1:${upstreamPort} ssl verify required ca-file ${secure.trust} sni str(localhost)`,
      "",
    ].join("\n"),
  );

/** Bytes, one upstream connection for each downstream one. */
export const haproxyTcp = haproxy("haproxy-tcp", "HAProxy, mode tcp", ({ upstreamPort }, port) =>
  [
    frame("tcp"),
    "frontend front",
    `  bind 127.0.0.1:${port}`,
    "  default_backend back",
    "backend back",
    `  server upstream 127.0.0.1:${upstreamPort}`,
    "",
  ].join("\n"),
);

/** Answers by itself. */
export const haproxyReturn = haproxy("haproxy-return", "HAProxy, http-request return", (_context, port) =>
  [
    frame("http"),
    "frontend front",
    `  bind 127.0.0.1:${port}`,
    `  http-request return status 200 content-type application/json string '${mockBody}'`,
    "",
  ].join("\n"),
);

function haproxy(id: string, title: string, config: (context: PeerContext, port: number) => string): Peer {
  return {
    id,
    title,
    missing: () => missingProgram("haproxy"),
    async start(context) {
      const port = await freePort();
      const file = join(context.folder, "haproxy.cfg");
      writeFileSync(file, config(context, port));
      const args = ["-db", "-f", file];
      return startServer({ name: id, command: "haproxy", args, core: cores.proxy }, port);
    },
  };
}

function httpConfig(port: number, upstreamPort: number, decide: string): string {
  return [
    frame("http"),
    "frontend front",
    `  bind 127.0.0.1:${port}`,
    decide,
    "  default_backend back",
    "backend back",
    "  http-reuse always",
    `  server upstream 127.0.0.1:${upstreamPort}`,
    "",
  ].join("\n");
}

function frame(mode: "http" | "tcp"): string {
  return `global
  nbthread 1
  maxconn ${connectionPairs}
defaults
  mode ${mode}
  maxconn ${connectionPairs}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  timeout http-request 1h`;
}
