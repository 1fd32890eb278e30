// TLS for tests: an authority of the test's own, and upstreams that it has signed.

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { passingAuthority } from "../../src/control/ca/authority.ts";
import type { Authority } from "../../src/core/certificates.ts";
import { systemClock } from "../../src/core/clock.ts";

export function testAuthority(name = "Test"): Promise<Authority> {
  return passingAuthority(name, systemClock);
}

export interface SecureOrigin extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
}

/** An HTTPS server on 127.0.0.1 with a certificate for `name`. */
export async function openSecureOrigin(
  authority: Authority,
  name: string,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
  options: ServerOptions = {},
): Promise<SecureOrigin> {
  const leaf = await authority.issue(name);
  const server = createServer({ cert: leaf.chain, key: leaf.key, ...options }, serve);
  server.on("tlsClientError", () => undefined); // clients that pin, on purpose
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
