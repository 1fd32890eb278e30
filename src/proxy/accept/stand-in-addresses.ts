// Addresses for names that have none: given out instead of "no such name", and understood again when somebody connects there.
//
//     payments.internal ──► 198.19.0.1 ──connect──► payments.internal, which nobody can dial
//
// An address belongs to one name. It goes to another one only after all others of the range have been given out since.

import type { HostPort } from "../../core/address.ts";
import { printable } from "../../core/printable.ts";
import type { Destination } from "./destination.ts";

/**
 * The upper half of 198.18.0.0/15, which is set aside for benchmarks and never routed (RFC 2544, RFC 6890). Proxies that give
 * out addresses of their own begin in the lower half.
 */
const prefix = "198.19.";
/** Of 65,536, without the first and the last. */
const addresses = 65_534;
/** Names that are known at once; the least recently used one goes first. */
const maxNames = 4_096;

export interface StandInAddresses {
  /** The address of `name`, the same one while it is known. `why` it has none of its own, for people. */
  addressOf(name: string, why: string): Uint8Array;
  /** Where a connection to `dialled` is to go: what is not of ours stays as it is. */
  destinationOf(dialled: HostPort): Destination;
  /** Names that are known. */
  readonly size: number;
}

interface StandIn {
  readonly name: string;
  readonly index: number;
  why: string;
}

/** `range`: addresses there are, at most 65,534; `most`: names that are known at once, fewer than that. */
export function createStandInAddresses(range = addresses, most = maxNames): StandInAddresses {
  const byName = new Map<string, StandIn>(); // in the order of use
  const byIndex = new Map<number, StandIn>();
  let given = 0;

  const use = (standIn: StandIn): StandIn => {
    byName.delete(standIn.name);
    byName.set(standIn.name, standIn);
    return standIn;
  };

  function add(name: string, why: string): StandIn {
    const [oldest] = byName.values();
    if (oldest && byName.size >= most) {
      byName.delete(oldest.name);
      byIndex.delete(oldest.index);
    }
    while (byIndex.has(given % range)) given++;
    const standIn = { name, index: given++ % range, why };
    byIndex.set(standIn.index, standIn);
    return standIn;
  }

  return {
    addressOf(name, why) {
      const standIn = use(byName.get(name) ?? add(name, why));
      standIn.why = why;
      return Uint8Array.of(198, 19, (standIn.index + 1) >> 8, (standIn.index + 1) & 0xff);
    },
    destinationOf(dialled) {
      const index = indexOf(dialled.host);
      if (index < 0 || index >= Math.min(given, range)) return dialled;
      const standIn = byIndex.get(index);
      if (!standIn)
        return { ...dialled, nowhere: `${dialled.host} stood for a name that is forgotten by now` };
      const { name, why } = use(standIn);
      return { host: name, port: dialled.port, nowhere: printable(`${name} has no address (${why})`) };
    },
    get size() {
      return byName.size;
    },
  };
}

/** -1 where it is none of the range. */
function indexOf(host: string): number {
  if (!host.startsWith(prefix)) return -1;
  const [high = "", low = ""] = host.slice(prefix.length).split(".");
  return (Number(high) << 8) + Number(low) - 1;
}
