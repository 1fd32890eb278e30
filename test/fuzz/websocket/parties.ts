// Who talks: a client and an upstream, each with its half of the handshake, and the rig between them.

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, TLSSocket } from "node:tls";
import type { HostPort } from "../../../src/core/address.ts";
import type { Authority, Leaf } from "../../../src/core/certificates.ts";
import { connectTo, openRig, openServer, type Rig } from "../../support/rig.ts";
import { readerOf } from "./differences.ts";
import { type Carrier, End } from "./end.ts";
import { switched, upgradeRequest } from "./handshake.ts";
import type { Plan } from "./plan.ts";
import type { Scenario } from "./scenario.ts";
import { askOver2, serveOver2 } from "./streams.ts";

const serverName = "fuzz.test";
/** Rules that are gone are noticed at a tick. */
const tickMs = 3;

export interface Parties extends AsyncDisposable {
  readonly client: End;
  readonly upstream: Promise<End>;
  /** null: nobody stands between. */
  readonly rig: Rig | null;
}

export async function openParties(plan: Plan, scenario: Scenario, authority: Authority): Promise<Parties> {
  const { rules, isSecure = false, over } = scenario;
  const leaf = isSecure ? await authority.issue(serverName) : null;
  const arrived = Promise.withResolvers<End>();
  const talk = (carrier: Carrier) => arrived.resolve(new End(carrier, readerOf(true, plan.agreed)));
  const overSocket = (socket: Socket, plain = socket) =>
    talk(carrierOf(socket, plain, switched(plan.agreed)));
  const server = await (over === "HTTP/2"
    ? serveOver2(plan, talk)
    : openServer((socket) => (leaf ? serveSecurely(socket, leaf, overSocket) : overSocket(socket))));
  const tls = leaf ? { tls: { authority, extraRoots: [authority.trust] } } : {};
  const limits = { maxRuleBodyBytes: plan.maxRuleBodyBytes };
  const rig = rules && (await openRig({ upstream: server.address, rules, limits, tickMs, ...tls }));
  const at = rig?.address ?? server.address;
  const asked = over === "HTTP/2" ? await askOver2(plan, at) : await askOver1(at, leaf && authority);
  return {
    client: new End(asked, readerOf(false, plan.agreed)),
    upstream: arrived.promise,
    rig,
    async [Symbol.asyncDispose]() {
      asked.close();
      await rig?.[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** `plain`: what carries it, where that is TLS. */
function carrierOf(socket: Socket, plain: Socket, first: Buffer): Carrier {
  return { duplex: socket, first, reset: () => void plain.resetAndDestroy() };
}

async function askOver1(at: HostPort, authority: Authority | null): Promise<Carrier & { close(): void }> {
  const plain = await connectTo(at);
  const socket = authority ? await secured(plain, authority) : plain;
  return { ...carrierOf(socket, plain, upgradeRequest), close: () => void plain.destroy() };
}

function serveSecurely(socket: Socket, leaf: Leaf, talk: (socket: Socket, plain: Socket) => void): void {
  const over = new TLSSocket(socket, { isServer: true, cert: leaf.chain, key: leaf.key });
  over.on("error", () => undefined); // close follows
  over.once("secure", () => {
    over.allowHalfOpen = true;
    talk(over, socket);
  });
}

async function secured(socket: Socket, authority: Authority): Promise<Socket> {
  const over = connect({ socket, servername: serverName, ca: authority.trust, ALPNProtocols: ["http/1.1"] });
  await once(over, "secureConnect");
  over.on("error", () => undefined); // close follows
  over.allowHalfOpen = true;
  return over;
}
