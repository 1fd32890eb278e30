// Who talks: a client, the upstreams that it reaches (the rig opens one connection for what it relays, and another for what
// a rule concerns), and the rig between them.

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, TLSSocket } from "node:tls";
import type { Authority, Leaf } from "../../../src/core/certificates.ts";
import { connectTo, openRig, openServer, type Rig } from "../../support/rig.ts";
import { Dice } from "../dice.ts";
import { Peer } from "./peer.ts";
import type { Scenario } from "./scenario.ts";

const serverName = "shop.test";

export interface Parties extends AsyncDisposable {
  readonly client: Peer;
  readonly upstreams: readonly Peer[];
  /** null: nobody stands between. */
  readonly rig: Rig | null;
}

export async function openParties(
  seed: number,
  { rules, isSecure = false }: Scenario,
  authority: Authority,
): Promise<Parties> {
  const leaf = isSecure ? await authority.issue(serverName) : null;
  const upstreams: Peer[] = [];
  const server = await openServer((socket) =>
    serve(socket, leaf, (given) =>
      upstreams.push(new Peer(given, true, new Dice(seed * 7 + upstreams.length))),
    ),
  );
  const tls = { authority, extraRoots: [authority.trust] };
  const rig = rules && (await openRig({ upstream: server.address, rules, ...(leaf ? { tls } : {}) }));
  const plain = await connectTo(rig?.address ?? server.address);
  const socket = leaf ? await secured(plain, authority) : plain;
  return {
    client: new Peer(socket, false, new Dice(seed)),
    upstreams,
    rig,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await rig?.[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function serve(socket: Socket, leaf: Leaf | null, talk: (socket: Socket) => void): void {
  if (!leaf) return talk(socket);
  const protocols = { ALPNProtocols: ["h2"] };
  const over = new TLSSocket(socket, { isServer: true, cert: leaf.chain, key: leaf.key, ...protocols });
  over.on("error", () => undefined); // close follows
  over.once("secure", () => {
    over.allowHalfOpen = true;
    talk(over);
  });
}

async function secured(socket: Socket, authority: Authority): Promise<Socket> {
  const over = connect({ socket, servername: serverName, ca: authority.trust, ALPNProtocols: ["h2"] });
  await once(over, "secureConnect");
  over.on("error", () => undefined); // close follows
  over.allowHalfOpen = true;
  return over;
}
