// All that a sidecar does with a store: takes its rules, keeps the last good ones on disk, and says which are in force.

import type { Clock } from "../../core/clock.ts";
import type { Debug } from "../../core/debug.ts";
import type { Random } from "../../core/random.ts";
import type { Problem } from "../../core/rule-source.ts";
import type { StoreAccess } from "../../core/store-access.ts";
import { formatStoreUrl, type StoreUrl } from "../../core/store-url.ts";
import { type Tap, teeTaps } from "../../core/tap.ts";
import { openStore } from "./kv/open-store.ts";
import { within } from "./kv/within.ts";
import { readPeerRules, writePeerRules } from "./peer-rules.ts";
import { type Belonging, membersPrefix } from "./registry/keys.ts";
import { type Member, membersInStore, Presence } from "./registry/members.ts";
import { lastGoodIn } from "./sources/last-good.ts";
import { type StoreSource, storeSource } from "./sources/store-source.ts";

export interface StoreOptions extends Belonging {
  readonly url: StoreUrl;
  readonly access: StoreAccess;
  /** Folder of the last good rules; null: they are not kept. */
  readonly stateDir: string | null;
  /** How this sidecar is called in lists of members: letters, digits, `-`, `_` and `.`. */
  readonly memberName: string;
}

export interface FollowDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly tap: Tap;
  /** Left out: nobody asked for debug lines. */
  readonly debug?: Debug;
  /** `inForce()` has changed, perhaps. */
  readonly moved?: () => void;
}

export interface FollowedStore {
  readonly source: StoreSource;
  /** To be told what the rule store tells: the given tap, and what this needs to hear of it. */
  readonly tap: Tap;
  /** How the contact with the store stands, for people. */
  standing(): string;
  /** Says that this sidecar is there, and then which rules it has in force, until the signal aborts. */
  announce(problems: () => readonly Problem[], signal: AbortSignal): void;
  /** The rules of the store that are in force, and the newest write to it that they know of. */
  inForce(): { readonly revision: string; readonly index: number };
  /** Where this sidecar gossips, told to those who look for members in the store; null: not at present. */
  gossipsAt(address: () => string | null): void;
  /** Where those sidecars gossip that say so in the store. Rejects with `store_unavailable`. */
  gossiping(signal: AbortSignal): Promise<readonly string[]>;
  /** The newest write that our rules know of, while the store is away; null while it is not. */
  lacksBeyond(): number | null;
  /** Our rules for another sidecar; null where there are none in force. */
  handOver(): Uint8Array | null;
  /** What another sidecar has handed over, where it is whole, newer, and of the same store. */
  takeOver(handed: Uint8Array): void;
  /** Ends every connection, after a farewell that may take a second. */
  close(): Promise<void>;
}

/** For the list of members, which somebody waits for. */
const askMs = 2_000;

export async function followStore(options: StoreOptions, deps: FollowDeps): Promise<FollowedStore> {
  const { url, access, stateDir, service, namespace } = options;
  const store = await openStore(url, access, deps);
  const of = `${formatStoreUrl(url)} ${service ?? ""} ${namespace ?? ""}`;
  const lastGood = stateDir === null ? null : lastGoodIn(stateDir, of);
  const members = membersInStore(store, membersPrefix(url.prefix));
  let presence: Presence | null = null;
  let gossipAddress: () => string | null = () => null;
  let farewell: Promise<void> = Promise.resolve();
  const source = storeSource(
    { store, prefix: url.prefix, belonging: options, lastGood, moved: () => moved() },
    deps,
  );
  const moved = () => {
    presence?.changed();
    deps.moved?.();
  };
  const inForce = { revision: "", index: 0 };
  const listener: Tap = {
    observe(event) {
      if (event.kind === "rules-applied") {
        const revisions = event.revision.split("+");
        source.inForce(revisions);
        const { revision } = source.state();
        if (revisions.includes(revision)) inForce.revision = revision;
      }
      if (event.kind === "rules-applied" || event.kind === "rules-rejected") presence?.changed();
    },
  };
  const startedAtMs = deps.clock.wall();
  const inForceNow = () => {
    const { revision, index } = source.state();
    if (revision === inForce.revision) inForce.index = index;
    return inForce;
  };
  const describe = (problems: readonly Problem[]): Member => {
    const [problem] = problems;
    const gossip = gossipAddress();
    return {
      ...(gossip === null ? {} : { gossip }),
      ...{ name: options.memberName, service, namespace, startedAtMs, atMs: deps.clock.wall() },
      ...inForceNow(),
      problem: problem === undefined ? "" : `${problem.place}: ${problem.message}`.slice(0, 1_000),
    };
  };
  return {
    source,
    tap: teeTaps([deps.tap, listener]),
    standing: () => standingOf(source),
    inForce: inForceNow,
    gossipsAt(address) {
      gossipAddress = address;
      presence?.changed();
    },
    async gossiping(signal) {
      const found = await within(deps.clock, askMs, signal, (stop) => members.list(stop));
      return found.flatMap(({ gossip }) => gossip ?? []);
    },
    lacksBeyond() {
      const { connected, index } = source.state();
      return connected ? null : index;
    },
    handOver: () =>
      inForceNow().revision === source.state().revision ? writePeerRules(of, source.held()) : null,
    takeOver(handed) {
      const read = readPeerRules(of, handed);
      if (read !== null) source.offer(read);
    },
    announce(problems, signal) {
      const key = membersPrefix(url.prefix) + options.memberName;
      presence = new Presence({ store, key, describe: () => describe(problems()) }, deps);
      farewell = presence.keep(signal);
    },
    async close() {
      await farewell;
      store.close();
    },
  };
}

function standingOf(source: StoreSource): string {
  const { connected, reason, silentMs, failures } = source.state();
  if (connected) return `rules: ${source.name} answers`;
  const since =
    silentMs === null ? "was never heard of" : `last heard of ${Math.round(silentMs / 1_000)} s ago`;
  return `rules: ${source.name} is away, ${since}, lost ${failures} times: ${reason}`;
}
