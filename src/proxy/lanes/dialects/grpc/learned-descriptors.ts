// Descriptors that upstreams tell of themselves, for rules that look into messages without naming any. Asked for at the first
// call that needs them, once for all calls that wait, and kept.
//
//   unknown ──ask──► pending ──► known ──keptMs──► known, asked again beside the calls
//                      └──────► not told ──retryMs──► unknown

import { formatHostPort, type HostPort } from "../../../../core/address.ts";
import type { Clock } from "../../../../core/clock.ts";
import type { ConnectionFacts } from "../../../../core/connection.ts";
import { messageOf } from "../../../../core/errors.ts";
import type { RequestHead } from "../../../../core/exchange.ts";
import type { Dial } from "../../../../core/link.ts";
import type { Tap } from "../../../../core/tap.ts";
import { rootOfSet } from "./descriptor-set.ts";
import { methodOf } from "./flavour.ts";
import { describedBy } from "./reflection.ts";
import { connectReflection, type ReflectionTarget } from "./reflection-call.ts";
import { type Schema, schemaOf } from "./schema.ts";

export interface LearnedDeps {
  readonly clock: Clock;
  readonly tap: Tap;
  /** For connections that have no way of their own. */
  readonly dial: Dial;
  /** Where requests to an explicit proxy go; null where that names nobody. */
  readonly destinationOf: (authority: string) => HostPort | null;
  /** The longest that a call waits for an upstream's descriptors. */
  readonly deadlineMs: number;
}

/** null: not told. A promise while that is being found out; it never rejects, and settles within the deadline. */
export type Learned = (
  head: RequestHead,
  connection: ConnectionFacts,
) => Schema | null | Promise<Schema | null>;

/** Services of upstreams that are kept; the least recently used ones go first. */
const maxKept = 256;
/** Upstreams that are asked at once. */
const maxAsking = 16;
const keptMs = 600_000;
const retryMs = 30_000;

interface Kept {
  schema: Schema | null;
  pending: Promise<Schema | null> | null;
  /** When it is to be asked again, on the clock. */
  until: number;
}

export function createLearnedDescriptors(deps: LearnedDeps): Learned {
  const kept = new Map<string, Kept>();
  const told = new Set<string>();
  let asking = 0;

  const tell = (target: ReflectionTarget, service: string, reason: string): void => {
    const place = formatHostPort(target.upstream);
    if (told.has(place) || told.size >= maxKept) return;
    told.add(place);
    deps.tap.observe({
      kind: "trouble",
      area: "grpc",
      message: `${place} does not describe ${service}, and the rules name no descriptors of it: ${reason}`,
    });
  };

  const ask = async (entry: Kept, target: ReflectionTarget, service: string): Promise<Schema | null> => {
    asking++;
    try {
      entry.schema = await learn(target, service, deps);
      entry.until = deps.clock.now() + keptMs;
    } catch (thrown) {
      entry.until = deps.clock.now() + retryMs; // what was told once still holds
      tell(target, service, messageOf(thrown));
    } finally {
      asking--;
      entry.pending = null;
    }
    return entry.schema;
  };

  return (head, connection) => {
    const service = methodOf(head)?.service;
    const target = service === undefined ? null : targetOf(head, connection, deps);
    if (service === undefined || target === null) return null;
    const key = `${target.scheme} ${target.authority} ${formatHostPort(target.upstream)} ${service}`;
    const entry = kept.get(key) ?? { schema: null, pending: null, until: Number.NEGATIVE_INFINITY };
    kept.delete(key);
    kept.set(key, entry);
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    if (entry.pending === null && deps.clock.now() >= entry.until && asking < maxAsking)
      entry.pending = ask(entry, target, service);
    return entry.schema ?? entry.pending;
  };
}

function targetOf(
  { scheme, authority }: RequestHead,
  { originalDestination, dial }: ConnectionFacts,
  deps: LearnedDeps,
): ReflectionTarget | null {
  const upstream = originalDestination ?? deps.destinationOf(authority);
  return upstream && { upstream, dial: dial ?? deps.dial, scheme, authority };
}

/** Rejects with an Error for people. */
async function learn(target: ReflectionTarget, service: string, deps: LearnedDeps): Promise<Schema> {
  const connection = connectReflection(target);
  const late = Promise.withResolvers<never>();
  const timer = deps.clock.after(
    deps.deadlineMs,
    () => late.reject(new Error(`its reflection service did not answer within ${deps.deadlineMs} ms`)),
    { background: true },
  );
  const answered = describedBy((path) => connection.open(path), service);
  answered.catch(() => undefined); // once it is late, nobody asks
  try {
    return schemaOf(rootOfSet(await Promise.race([answered, late.promise])));
  } finally {
    timer.cancel();
    connection.destroy();
  }
}
