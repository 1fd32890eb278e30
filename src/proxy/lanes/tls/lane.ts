// The lane of TLS: reads what the client asks for, and opens the connection only where a rule concerns that server.
// Everything else is relayed as it came, to the byte.
//
//   ClientHello ──► no rule concerns it ─────────────────────► opaque
//               ├─► a rule does, but there is no authority ──► opaque, and a line that says so
//               ├─► the client distrusts our certificates ───► opaque
//               ├─► it could take none, whatever we showed ──► opaque, and a line that says so
//               └─► opened (opener.ts) ──────────────────────► the lane of what is inside

import type { HostPort } from "../../../core/address.ts";
import type { Timer } from "../../../core/clock.ts";
import type { Connection } from "../../../core/connection.ts";
import { messageOf } from "../../../core/errors.ts";
import type { Lane, Session, Traffic } from "../../../core/lane.ts";
import { type ClientHello, readClientHello } from "./client-hello.ts";
import { type Offers, readOffers } from "./client-offers.ts";
import { createDistrust, type Distrust } from "./distrust.ts";
import { maxHelloBytes } from "./hello-message.ts";
import type { Opener, Opening } from "./opener.ts";
import { Standing } from "./standing.ts";
import { suitableLeaf } from "./suitable-leaf.ts";

export interface TlsLaneDeps {
  /** For what is not opened. */
  readonly opaque: Lane;
  /** Loaded with the first connection that is to be opened; null: no authority, so none can be. */
  readonly loadOpener: ((traffic: Traffic) => Promise<Opener>) | null;
}

/** Clients that are known to distrust us, each with a server. */
const maxDistrust = 1_000;

export function createTlsLane(deps: TlsLaneDeps): Lane {
  const shared: Shared = {
    ...deps,
    distrust: null,
    opener: null,
    missesAuthority: deps.loadOpener === null,
  };
  return {
    protocols: ["tls"],
    serve(connection, first, traffic, protocol) {
      const { originalDestination } = connection;
      // TLS within TLS that we have opened is somebody else's affair.
      if (originalDestination === null || connection.transport !== undefined)
        return deps.opaque.serve(connection, first, traffic, protocol);
      return new Hello(connection, originalDestination, traffic, shared).start(first);
    },
  };
}

interface Shared extends TlsLaneDeps {
  /** Made with the first connection that is to be opened. */
  distrust: Distrust | null;
  opener: Promise<Opener> | null;
  /** It has not been told yet that there is no authority. */
  missesAuthority: boolean;
}

/** A connection from its first byte to the verdict on it. */
class Hello implements Session {
  readonly #connection: Connection;
  readonly #destination: HostPort;
  readonly #traffic: Traffic;
  readonly #shared: Shared;
  #bytes: Buffer = Buffer.alloc(0);
  #timer: Timer | null = null;
  readonly #startedAtMs: number;

  constructor(connection: Connection, destination: HostPort, traffic: Traffic, shared: Shared) {
    this.#connection = connection;
    this.#destination = destination;
    this.#traffic = traffic;
    this.#shared = shared;
    this.#startedAtMs = traffic.clock.now();
  }

  /** What is not whole by then is passed on as it is. */
  drain(): void {
    if (this.#timer) this.#finish("not-hello");
  }

  start(first: Buffer | null): Session {
    const { socket } = this.#connection;
    if (first) this.#bytes = first;
    const verdict = this.#read();
    if (verdict !== "need-more") return this.#judge(verdict);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onEnd);
    // Until it is whole no server speaks; a part of it that the network has lost takes longer to come than first bytes may.
    this.#timer = this.#traffic.clock.after(this.#traffic.settings.deadlines.headMs, () => {
      this.#traffic.tap.observe({ kind: "detection-timeout", connection: this.#connection });
      this.#finish("not-hello");
    });
    if (socket.readableEnded || socket.destroyed) this.#finish("not-hello");
    return this;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const verdict = this.#read();
    if (verdict !== "need-more") this.#finish(verdict);
  };

  readonly #onEnd = (): void => this.#finish("not-hello");

  #read(): ClientHello | "need-more" | "not-hello" {
    const verdict = readClientHello(this.#bytes);
    return verdict === "need-more" && this.#bytes.length > maxHelloBytes ? "not-hello" : verdict;
  }

  #finish(verdict: ClientHello | "not-hello"): void {
    const { socket } = this.#connection;
    this.#timer?.cancel();
    this.#timer = null;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onEnd);
    this.#judge(verdict);
  }

  #judge(hello: ClientHello | "not-hello"): Session {
    // A name that is none fits no rule and no certificate.
    if (hello === "not-hello" || hello.serverName === null) return this.#relay();
    const { serverName } = hello;
    const name = serverName || this.#destination.host.toLowerCase();
    if (this.#isNamedOpaque(name) || !this.#traffic.concernsTls(name, this.#connection)) return this.#relay();
    const { loadOpener } = this.#shared;
    if (loadOpener === null) {
      this.#tellMissingAuthority(name);
      return this.#relay();
    }
    this.#shared.distrust ??= createDistrust(maxDistrust, this.#traffic.clock);
    const standing = new Standing({
      distrust: this.#shared.distrust,
      connection: this.#connection,
      upstream: this.#destination,
      name,
      hello: this.#bytes,
      startedAtMs: this.#startedAtMs,
      traffic: this.#traffic,
    });
    if (standing.isLeftAlone) return this.#relay();
    const offers = readOffers(this.#bytes);
    const leaf = suitableLeaf(offers);
    if (leaf === "version" || leaf === "signature") {
      standing.foresee(leaf);
      return this.#relay();
    }
    this.#connection.socket.pause();
    this.#shared.opener ??= loadOpener(this.#traffic);
    const opening = {
      connection: this.#connection,
      upstream: this.#destination,
      hello,
      serverName,
      name,
      keys: leaf,
      first: this.#bytes,
    };
    void this.#open(this.#shared.opener, opening, offers, standing);
    return this;
  }

  async #open(
    loading: Promise<Opener>,
    opening: Opening,
    { certificateSignatures }: Offers,
    standing: Standing,
  ): Promise<void> {
    try {
      const opener = await loading;
      if (certificateSignatures?.includes(opener.scheme) === false) {
        standing.foresee("issuer");
        this.#relay();
      } else await opener.open(opening, standing.heard);
    } catch (thrown) {
      this.#tell(`${opening.name} could not be opened, so it is relayed unread: ${messageOf(thrown)}`);
      this.#relay();
    }
  }

  #tellMissingAuthority(name: string): void {
    if (!this.#shared.missesAuthority) return;
    this.#shared.missesAuthority = false;
    this.#tell(
      `a rule could claim calls to ${name}, but TLS cannot be opened without a certificate authority, so it is ` +
        "relayed unread; understudy ca init makes one",
    );
  }

  #tell(message: string): void {
    this.#traffic.tap.observe({ kind: "trouble", area: "tls", message });
  }

  #isNamedOpaque(name: string): boolean {
    const place = `${name}:${this.#destination.port}`;
    return this.#traffic.settings.opaqueHosts.some((host) => {
      const wanted = host.toLowerCase();
      return wanted === name || wanted === place;
    });
  }

  #relay(): Session {
    const first = this.#bytes.length > 0 ? this.#bytes : null;
    return this.#shared.opaque.serve(this.#connection, first, this.#traffic, "tls");
  }
}
