// Where accepted connections go next: their first bytes are awaited under a deadline, then the lane of their protocol
// gets them. Keeps count of what is open, for draining.

import type { Socket } from "node:net";
import type { Connection } from "../../core/connection.ts";
import type { DelayLine } from "../../core/delay-line.ts";
import type { Lane, Protocol, Session, Traffic } from "../../core/lane.ts";
import { Roster, type Seated } from "../../core/roster.ts";

export interface IntakeDeps {
  /** How long first bytes may keep us waiting, since the server may be the one who speaks first. */
  readonly detection: DelayLine;
  /** The same where nobody can speak but the client. */
  readonly patience: DelayLine;
  /** First bytes → protocol. */
  readonly detect: (first: Uint8Array) => Protocol | "need-more";
  readonly lanes: readonly Lane[];
  /** Relays without parsing; also for protocols that no lane names. */
  readonly opaque: Lane;
}

export interface Intake {
  /** Takes a fresh connection. */
  accept(connection: Connection, traffic: Traffic): void;
  /** Takes a connection over from a lane. `protocol` null: find out. */
  route(connection: Connection, first: Buffer | null, protocol: Protocol | null, traffic: Traffic): void;
  /** Connections that are open. */
  readonly active: number;
  /** Asks every session to finish; the promise resolves when the last connection is closed. */
  drain(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

/** What detection has gathered at most before it gives up; a preface has 24 bytes. */
const maxFirstBytes = 64;

/** An accepted socket, and who serves it at present. */
interface Guest extends Seated {
  readonly socket: Socket;
  session: Session | null;
}

/** Where a socket that was accepted keeps its guest, whoever serves it. */
const guestOf = Symbol("guest");
type AcceptedSocket = Socket & { [guestOf]?: Guest };

export function createIntake(deps: IntakeDeps): Intake {
  const open = new Roster<Guest>();
  let emptied: (() => void) | null = null;

  function serve(connection: Connection, first: Buffer | null, protocol: Protocol, traffic: Traffic): void {
    const lane = deps.lanes.find((candidate) => candidate.protocols.includes(protocol)) ?? deps.opaque;
    const session = lane.serve(connection, first, traffic, protocol);
    const accepted: AcceptedSocket = connection.transport ?? connection.socket;
    const guest = accepted[guestOf];
    if (guest) guest.session = session;
    if (traffic.isDraining()) session.drain();
  }

  function detectThenServe(connection: Connection, sniffed: Buffer | null, traffic: Traffic): void {
    const { socket, inlet } = connection;
    let first = sniffed;
    const finish = (protocol: Protocol) => {
      timer.cancel();
      if (inlet) inlet.direct(null);
      else socket.off("data", look);
      socket.off("end", onEnd);
      socket.off("error", onEnd);
      serve(connection, first, protocol, traffic);
    };
    const look = (chunk: Buffer) => {
      // A copy: the first bytes outlive the buffer that they were read into.
      first = first ? Buffer.concat([first, chunk]) : inlet ? Buffer.from(chunk) : chunk;
      const protocol = deps.detect(first);
      if (protocol !== "need-more") finish(protocol);
      else if (first.length >= maxFirstBytes) finish("opaque");
    };
    const onEnd = () => finish("opaque");
    const line = connection.nowhere === undefined ? deps.detection : deps.patience;
    const timer = line.wait(() => {
      traffic.tap.observe({ kind: "detection-timeout", connection });
      finish(first ? "opaque" : "silent");
    });
    const known = sniffed ? deps.detect(sniffed) : "need-more";
    if (known !== "need-more") return finish(known);
    socket.on("end", onEnd);
    socket.on("error", onEnd);
    if (!inlet) socket.on("data", look);
    else {
      inlet.direct((chunk) => {
        look(chunk);
        return true;
      });
    }
  }

  const intake: Intake = {
    accept(connection, traffic) {
      const socket: AcceptedSocket = connection.socket;
      const guest: Guest = { seat: -1, socket, session: null };
      socket[guestOf] = guest;
      open.add(guest);
      traffic.tap.observe({ kind: "connection-opened", connection });
      socket.once("close", () => {
        open.remove(guest);
        traffic.tap.observe({ kind: "connection-closed", connection });
        if (open.size === 0) emptied?.();
      });
      intake.route(connection, null, connection.mode === "proxy" ? "http/1" : null, traffic);
    },
    route(connection, first, protocol, traffic) {
      const hint = protocol ?? hintFor(connection, traffic);
      if (hint) serve(connection, first, hint, traffic);
      else detectThenServe(connection, first, traffic);
    },
    get active() {
      return open.size;
    },
    drain() {
      open.each(({ session }) => session?.drain());
      return new Promise((resolve) => {
        emptied = resolve;
        if (open.size === 0) resolve();
      });
    },
    destroy() {
      open.each(({ socket }) => socket.destroy());
    },
  };
  return intake;
}

/** What the operator or the well-known port says, so that nobody has to wait for first bytes. */
function hintFor(connection: Connection, traffic: Traffic): Protocol | null {
  const destination = connection.originalDestination;
  if (!destination) return null;
  const { opaqueHosts, portHints } = traffic.settings;
  const place = `${destination.host}:${destination.port}`;
  if (opaqueHosts.includes(destination.host) || opaqueHosts.includes(place)) return "opaque";
  return portHints.get(destination.port) ?? null;
}
