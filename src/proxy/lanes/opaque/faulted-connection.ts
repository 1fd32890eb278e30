// A connection whose bytes are not parsed, under the fault of a rule: delayed, then ended without a dial, or spliced
// through the fault.

import type { HostPort } from "../../../core/address.ts";
import { pause, sleep } from "../../../core/clock.ts";
import type { Connection } from "../../../core/connection.ts";
import type { ConnectionFault } from "../../../core/connection-fault.ts";
import type { ConnectionClaim, Traffic } from "../../../core/lane.ts";
import type { Flag } from "../../../core/tap.ts";
import { FaultedSplice } from "./faulted-splice.ts";
import type { SpliceEnd } from "./splice.ts";

/** For a client to read our FIN, which what it has sent must not overtake as a reset. */
const lingerMs = 2_000;

/** Serves a claimed connection to its end; never rejects. */
export async function serveFaulted(
  connection: Connection,
  upstream: HostPort,
  first: Buffer | null,
  { fault, faultEnds }: ConnectionClaim,
  traffic: Traffic,
): Promise<SpliceEnd> {
  const { socket, signal } = connection;
  const delayMs = fault.delayMs();
  const flags: Flag[] = delayMs > 0 ? ["DI"] : [];
  const end = (detail: string): SpliceEnd => ({ upBytes: 0, downBytes: 0, flags, detail });
  socket.pause();
  try {
    await pause(traffic.clock, delayMs, signal, faultEnds);
  } catch {
    return end("the client left during the delay");
  }
  const harm = faultEnds.aborted ? leftOf(fault) : fault;
  if (harm.kind === "bytes") {
    const splice = new FaultedSplice(connection, harm, faultEnds, traffic);
    const spliced = await splice.run(upstream, first);
    return { ...spliced, spared: harm !== fault, flags: [...flags, ...spliced.flags] };
  }
  flags.push("FI");
  if (harm.how === "rst") socket.resetAndDestroy();
  else if (harm.how === "fin") await close(connection, traffic);
  else await hang(connection, faultEnds, traffic);
  socket.destroy();
  return end("");
}

/** Of a fault that has ended before its turn; one that hangs ends by a reset. */
function leftOf(fault: ConnectionFault): ConnectionFault {
  if (fault.kind === "bytes" || fault.how === "hang") return fault;
  return {
    kind: "bytes",
    delayMs: () => 0,
    touches: () => false,
    transform: (_direction, chunks) => chunks,
  };
}

/** FIN, and what the client sends is read to nobody: unread, it would make a reset of the end. */
async function close({ socket, signal }: Connection, { clock }: Traffic): Promise<void> {
  socket.on("data", () => undefined);
  socket.end();
  socket.resume();
  await sleep(clock, lingerMs, signal).catch(() => undefined);
}

/** Silence until the client leaves or the time is over; a rule that is not in force any more ends it by a reset. */
async function hang(
  { socket, signal }: Connection,
  faultEnds: AbortSignal,
  { clock, settings }: Traffic,
): Promise<void> {
  await pause(clock, settings.deadlines.hangMs, signal, faultEnds).catch(() => undefined);
  if (faultEnds.aborted) socket.resetAndDestroy();
}
