// The server behind every proxy: nginx with fixed bytes, on the generator's core.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cores } from "./machine.ts";
import { openFiles } from "./open-files.ts";
import { freePort, type Server, startServer } from "./processes.ts";
import { grpcReply, grpcRequest } from "./requests.ts";

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

/** A worker without root's rights may not read a private folder; as root, nginx would change its user. */
const asItself = process.getuid?.() === 0 ? "user root;\n" : "";

/** The same answers over HTTP/2 with prior knowledge, and to POST those of a gRPC service. `folder`: a fresh one for it alone. */
export async function startHttp2Upstream(folder: string): Promise<Server> {
  const port = await freePort();
  writeFileSync(join(folder, "reply.grpc"), grpcReply, "latin1");
  // nginx takes no NUL into its configuration, and serves no file to a POST but as the page of an error.
  const server = `access_log off;
  tcp_nodelay on;
  open_file_cache max=10 inactive=1h;
  open_file_cache_valid 1h;
  types { application/grpc grpc; }
  server {
    listen 127.0.0.1:${port} http2 backlog=4096;
    root ${folder};
    location / { return 200 '${smallBody}'; }
    location ${grpcRequest.path} {
      error_page 405 =200 /reply.grpc;
      return 405;
    }
    location = /reply.grpc {
      internal;
      add_trailer grpc-status 0 always;
    }
  }`;
  const config = join(folder, "nginx.conf");
  writeFileSync(config, `${asItself}${nginxFrame(folder, server)}`);
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
  writeFileSync(config, `${asItself}${nginxFrame(folder, server)}`);
  const args = ["-p", folder, "-c", config];
  return startServer({ name: "upstream", command: "nginx", args, core: cores.rest }, port);
}
