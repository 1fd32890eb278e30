// The server behind every proxy: nginx with fixed bytes, on the generator's core.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cores } from "./machine.ts";
import { openFiles } from "./open-files.ts";
import { freePort, type Server, startServer } from "./processes.ts";

/** What the upstream answers to /small. */
export const smallBody = '{"id":"ch_1","amount":1200,"currency":"eur","status":"succeeded"}';

/** nginx settings that hold for every nginx of ours. `folder`: for its files. */
export function nginxFrame(folder: string, http: string): string {
  return `daemon off;
error_log stderr crit;
pid ${folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile ${openFiles};
events { worker_connections ${openFiles}; }
http {
  default_type application/json;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}
`;
}

/** The same answers over HTTP/2 with prior knowledge. `folder`: a fresh one for it alone. */
export async function startHttp2Upstream(folder: string): Promise<Server> {
  const port = await freePort();
  const server = `access_log off;
  tcp_nodelay on;
  server {
    listen 127.0.0.1:${port} http2 backlog=4096;
    location / { return 200 '${smallBody}'; }
  }`;
  const config = join(folder, "nginx.conf");
  writeFileSync(config, nginxFrame(folder, server));
  const args = ["-p", folder, "-c", config];
  return startServer({ name: "upstream-h2", command: "nginx", args, core: cores.rest }, port);
}

/** `folder`: a fresh one for it alone. */
export async function startUpstream(folder: string): Promise<Server> {
  const port = await freePort();
  writeFileSync(join(folder, "1mb.bin"), Buffer.alloc(1_000_000, "understudy"));
  writeFileSync(join(folder, "100mb.bin"), Buffer.alloc(100_000_000, "understudy"));
  const server = `access_log off;
  sendfile on;
  tcp_nodelay on;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder};
    location = /small { return 200 '${smallBody}'; }
  }`;
  const config = join(folder, "nginx.conf");
  // A worker without root's rights may not read a private folder; as root, nginx would change its user.
  writeFileSync(config, `${process.getuid?.() === 0 ? "user root;\n" : ""}${nginxFrame(folder, server)}`);
  const args = ["-p", folder, "-c", config];
  return startServer({ name: "upstream", command: "nginx", args, core: cores.rest }, port);
}
