// The protocol versions of members: six bytes [PMin, PMax, PCur, DMin, DMax, DCur], of the layer below and of Serf's.

/** What we speak: the range that today's agents announce. */
export const ourVersions: Buffer = Buffer.from([1, 5, 2, 2, 5, 5]);

/** From these on, a member answers a ping on a stream, says that an indirect ping failed, reads a CRC. */
const streamPingVersion = 3;
const nackVersion = 4;
const crcVersion = 5;

export const answersStreamPings = (vsn: Buffer): boolean => (vsn[1] ?? 0) >= streamPingVersion;
export const sendsNacks = (vsn: Buffer): boolean => (vsn[1] ?? 0) >= nackVersion;
export const readsCrc = (vsn: Buffer): boolean => (vsn[1] ?? 0) >= crcVersion;

/** A range that no member may announce: such an alive message is dropped. */
export function isImpossible(vsn: Buffer): boolean {
  if (vsn.length < 3) return false; // an old peer says nothing
  const [least = 0, most = 0] = vsn;
  return least < 1 || most < 1 || least > most;
}

/** Whether all of these can live in one pool: every current version lies within what every member understands. */
export function agree(all: readonly Buffer[]): boolean {
  return within(all, 0) && within(all, 3);
}

function within(all: readonly Buffer[], at: 0 | 3): boolean {
  let least = 0;
  let most = 255;
  for (const vsn of all) {
    least = Math.max(least, vsn[at] ?? 0);
    most = Math.min(most, vsn[at + 1] ?? 0);
  }
  return all.every((vsn) => (vsn[at + 2] ?? 0) >= least && (vsn[at + 2] ?? 0) <= most);
}
