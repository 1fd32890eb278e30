// nginx with one worker, as a proxy with keep-alive upstream connections and an access log, and answering by itself.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cores } from "../machine.ts";
import { freePort, startServer } from "../processes.ts";
import { mockBody } from "../requests.ts";
import { nginxFrame } from "../upstream.ts";
import { missingProgram } from "./lookup.ts";
import type { Peer, PeerContext } from "./peer.ts";

export const nginxProxy = nginx("nginx", "nginx, proxy_pass + access log", ({ upstreamPort }, port) => {
  const upstream = `upstream back {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }`;
  return `access_log /dev/null;
  ${upstream}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://back;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }`;
});

export const nginxGrpc = nginx("nginx-grpc", "nginx, grpc_pass", ({ upstreamPort }, port) => {
  return `access_log off;
  upstream back {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }
  server {
    listen 127.0.0.1:${port} http2 backlog=4096;
    location / { grpc_pass grpc://back; }
  }`;
});

export const nginxReturn = nginx("nginx-return", "nginx, return 200", (_context, port) => {
  return `access_log off;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { return 200 '${mockBody}'; }
  }`;
});

function nginx(id: string, title: string, http: (context: PeerContext, port: number) => string): Peer {
  return {
    id,
    title,
    missing: () => missingProgram("nginx"),
    async start(context) {
      const port = await freePort();
      const file = join(context.folder, "nginx.conf");
      writeFileSync(file, nginxFrame(context.folder, http(context, port)));
      const args = ["-p", context.folder, "-c", file];
      return startServer({ name: id, command: "nginx", args, core: cores.proxy }, port);
    },
  };
}
