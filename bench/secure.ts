// What TLS on both sides takes: an upstream with a certificate of its own, and an authority for whoever stands between.
// All keys are EC P-256, which is what ours are.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { passingAuthority } from "../src/control/ca/authority.ts";
import { initAuthority } from "../src/control/ca/folder.ts";
import { systemClock } from "../src/core/clock.ts";
import { cores } from "./machine.ts";
import { freePort, type Server, startServer } from "./processes.ts";
import { nginxFrame, smallBody } from "./upstream.ts";

export interface SecureUpstream {
  readonly server: Server;
  /** PEM file of who has signed its certificate. */
  readonly trust: string;
  /** PEM file of a certificate for `localhost` with its key, as HAProxy reads them. */
  readonly pair: string;
  /** Folder of an authority of ours. */
  readonly caDir: string;
}

/** The same answers as the plain upstream, over TLS as `localhost`. `folder`: a fresh one for it alone. */
export async function startSecureUpstream(folder: string): Promise<SecureUpstream> {
  const authority = await passingAuthority("the bench's upstream", systemClock);
  const leaf = await authority.issue("localhost");
  const files = {
    chain: join(folder, "leaf.pem"),
    key: join(folder, "leaf.key"),
    pair: join(folder, "pair.pem"),
    trust: join(folder, "trust.pem"),
  };
  writeFileSync(files.chain, leaf.chain);
  writeFileSync(files.key, leaf.key, { mode: 0o600 });
  writeFileSync(files.pair, leaf.chain + leaf.key, { mode: 0o600 });
  writeFileSync(files.trust, authority.trust);
  const caDir = join(folder, "ca");
  await initAuthority(caDir, "the bench", systemClock);
  const port = await freePort();
  const server = `access_log off;
  tcp_nodelay on;
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${files.chain};
    ssl_certificate_key ${files.key};
    location = /small { return 200 '${smallBody}'; }
  }`;
  const config = join(folder, "nginx.conf");
  writeFileSync(config, nginxFrame(folder, server));
  const launch = { name: "upstream-tls", command: "nginx", args: ["-p", folder, "-c", config] };
  return { server: await startServer({ ...launch, core: cores.rest }, port), ...files, caDir };
}
