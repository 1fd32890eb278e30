// Rules from a key-value store. Follows its views for ever, and gives a snapshot whenever the rules of this sidecar differ:
//
//   store ─ views ─► newest view ─► text ─► parse ─► snapshot
//     └ lost: back-off, the next server, all anew      ▲
//   copy on disk ─ at the start, where the store is away ┘
//
// Reading, parsing and losing contact concern nobody's traffic. Rules that belong to an owner end here by themselves when
// the store has not been heard of for as long as their lease.

import type { Clock, Timer } from "../../../core/clock.ts";
import { sleep } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import type { Random } from "../../../core/random.ts";
import type { RuleSnapshot, RuleSource } from "../../../core/rule-source.ts";
import type { Tap } from "../../../core/tap.ts";
import type { KeyValueStore, KeyView } from "../kv/key-value-store.ts";
import { Wake } from "../kv/wake.ts";
import type { PeerRules } from "../peer-rules.ts";
import type { Belonging } from "../registry/keys.ts";
import { digestOf } from "../registry/manifest.ts";
import { StoredParser } from "../registry/parse-stored.ts";
import { revisionOf, type StoredRule, storedRules } from "../registry/stored-rules.ts";
import { backOffMs } from "./back-off.ts";
import type { LastGood } from "./last-good.ts";

export interface StoreSourceOptions {
  readonly store: KeyValueStore;
  /** Ends in a slash. */
  readonly prefix: string;
  readonly belonging: Belonging;
  /** null: nothing is kept on disk. */
  readonly lastGood: LastGood | null;
  /** Told when `state().index` has moved on while the revision stayed. */
  readonly moved?: () => void;
}

export interface StoreSourceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly tap: Tap;
}

export interface StoreSourceState {
  readonly connected: boolean;
  /** Why not; "" where it is. */
  readonly reason: string;
  /** Milliseconds since the store was last heard of; null: never. */
  readonly silentMs: number | null;
  /** Contacts lost or not made since the start. */
  readonly failures: number;
  /** Of the newest snapshot; "" before the first. */
  readonly revision: string;
  /** The newest write below the prefix that the snapshot knows of, on the store's counter; 0 before the first. */
  readonly index: number;
}

export interface StoreSource extends RuleSource {
  state(): StoreSourceState;
  /** The snapshots of these revisions are in force: the one of ours goes to disk. */
  inForce(revisions: readonly string[]): void;
  /** What the newest snapshot was made from. */
  held(): PeerRules;
  /** Rules that another sidecar has of the store: taken where the store is away, and they are newer than what is here. */
  offer(offered: PeerRules): void;
}

/** How long the first snapshot may take before the copy on disk is used instead. */
const firstWordMs = 2_000;
/** A contact that lasted this long was a good one: the next failure is the first again. */
const goodContactMs = 5_000;
const usualSignOfLifeMs = 10_000;
/** Disks are slow, and a change that has just come is in a hurry to be in force everywhere. */
const saveAfterMs = 250;

export function storeSource(options: StoreSourceOptions, deps: StoreSourceDeps): StoreSource {
  return new Source(options, deps);
}

class Source implements StoreSource {
  readonly name: string;
  readonly #options: StoreSourceOptions;
  readonly #deps: StoreSourceDeps;
  readonly #parser: StoredParser;
  readonly #bell: Wake;
  #newest: KeyView | null = null;
  #fresh = false;
  #connected = false;
  #reason = "not asked yet";
  #heardAt: number | null = null;
  #failures = 0;
  #revision: string | null = null;
  #index = 0;
  #rules: readonly StoredRule[] = [];
  /** In place of the newest view, until the store is heard of again. */
  #given: PeerRules | null = null;
  #saving: Promise<void> = Promise.resolve();
  #saved = "";
  #unsaved: { readonly rules: readonly StoredRule[]; readonly atMs: number } | null = null;
  #saveTimer: Timer | null = null;

  constructor(options: StoreSourceOptions, deps: StoreSourceDeps) {
    this.name = `${options.store.name}/${options.prefix}`;
    this.#options = options;
    this.#deps = deps;
    this.#parser = new StoredParser(deps.clock);
    this.#bell = new Wake(deps.clock);
  }

  state(): StoreSourceState {
    return {
      connected: this.#connected,
      reason: this.#reason,
      silentMs: this.#heardAt === null ? null : this.#deps.clock.now() - this.#heardAt,
      failures: this.#failures,
      revision: this.#revision ?? "",
      index: this.#index,
    };
  }

  async *watch(signal: AbortSignal): AsyncGenerator<RuleSnapshot> {
    const following = this.#follow(signal);
    const startedAt = this.#deps.clock.now();
    try {
      while (!signal.aborted) {
        const patienceMs =
          this.#revision === null ? firstWordMs - (this.#deps.clock.now() - startedAt) : this.#leaseLeftMs();
        await this.#bell.next(Math.max(0, patienceMs), signal);
        if (this.#mayStillSpeak(startedAt)) continue;
        const isAway = this.#revision === null && !this.#fresh;
        const snapshot = isAway ? await this.#fallBack(signal) : await this.#look(signal);
        if (snapshot !== null) yield snapshot;
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      await following;
      this.#save(this.#options.lastGood);
      await this.#saving;
    }
  }

  inForce(revisions: readonly string[]): void {
    const revision = this.#revision;
    if (revision === null || revision === this.#saved || !revisions.includes(revision)) return;
    const { lastGood } = this.#options;
    if (lastGood === null) return;
    this.#saved = revision;
    this.#unsaved = { rules: this.#rules, atMs: this.#deps.clock.wall() };
    this.#saveTimer ??= this.#deps.clock.after(saveAfterMs, () => this.#save(lastGood), { background: true });
  }

  held(): PeerRules {
    return { index: this.#index, rules: this.#rules };
  }

  offer(offered: PeerRules): void {
    // The start waits for the store and looks at the disk first.
    if (this.#connected || this.#revision === null || offered.index <= this.#index) return;
    this.#given = offered;
    this.#bell.wake();
  }

  #save(lastGood: LastGood | null): void {
    this.#saveTimer?.cancel();
    this.#saveTimer = null;
    const unsaved = this.#unsaved;
    this.#unsaved = null;
    if (unsaved === null || lastGood === null) return;
    this.#saving = this.#saving
      .then(() => lastGood.save(unsaved.rules, unsaved.atMs))
      .catch((thrown) => this.#tell(`the last good rules could not be kept on disk: ${messageOf(thrown)}`));
  }

  /** Never rejects. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { store, prefix } = this.#options;
    const { clock, random } = this.#deps;
    let inARow = 0;
    while (!signal.aborted) {
      const beganAt = clock.now();
      try {
        for await (const view of store.views(prefix, signal, () => this.#signOfLifeMs())) this.#hear(view);
        this.#lose("the store has ended the contact");
      } catch (thrown) {
        if (signal.aborted) return;
        this.#lose(messageOf(thrown));
      }
      inARow = clock.now() - beganAt > goodContactMs ? 1 : inARow + 1;
      await sleep(clock, backOffMs(inARow, random), signal).catch(() => undefined);
    }
  }

  #hear(view: KeyView): void {
    if (!view.hearsay) this.#heardAt = this.#deps.clock.now();
    this.#newest = view;
    this.#given = null;
    this.#fresh = true;
    if (!this.#connected) this.#turn(true, "");
    this.#bell.wake();
  }

  #lose(reason: string): void {
    this.#failures++;
    if (this.#connected || this.#failures === 1) this.#turn(false, reason);
    this.#reason = reason;
    // Only the start waits for this: it does not have to see the deadline out.
    if (this.#revision === null) this.#bell.wake();
  }

  #turn(connected: boolean, reason: string): void {
    this.#connected = connected;
    this.#reason = reason;
    this.#deps.tap.observe({ kind: "rule-source", source: this.name, connected, reason });
  }

  /** The snapshot of the newest view, where it differs from the last one. */
  async #look(signal: AbortSignal): Promise<RuleSnapshot | null> {
    if (this.#given !== null) return this.#snapshot(this.#given.rules, this.#given.index, signal);
    const view = this.#newest;
    if (view === null) return null;
    this.#fresh = false;
    const stored = storedRules(view, this.#options.prefix, this.#options.belonging);
    const silentMs = this.#deps.clock.now() - (this.#heardAt ?? 0);
    const rules = stored.rules.filter(({ leaseMs }) => leaseMs === null || silentMs < leaseMs);
    if (stored.problems.length === 0) return this.#snapshot(rules, newestIndex(view), signal);
    const revision = `${revisionOf(rules)}!${digestOf(JSON.stringify(stored.problems))}`;
    if (revision === this.#revision) return null;
    this.#revision = revision;
    this.#rules = rules;
    return { revision, rules: [], problems: stored.problems };
  }

  async #snapshot(
    rules: readonly StoredRule[],
    index: number,
    signal: AbortSignal,
  ): Promise<RuleSnapshot | null> {
    const revision = revisionOf(rules);
    if (revision === this.#revision) {
      const moved = index !== this.#index;
      this.#index = index;
      if (moved) this.#options.moved?.();
      return null;
    }
    const parsed = await this.#parser.parse(rules, signal);
    this.#revision = revision;
    this.#index = index;
    this.#rules = rules;
    return { revision, ...parsed, locate: parsed.locate };
  }

  /** Some server has not been asked yet, and there is time. */
  #mayStillSpeak(startedAt: number): boolean {
    const hasTime = this.#deps.clock.now() - startedAt < firstWordMs;
    return this.#revision === null && !this.#fresh && hasTime && this.#failures < this.#options.store.servers;
  }

  /** The copy on disk, or word that there are no rules to be had. */
  async #fallBack(signal: AbortSignal): Promise<RuleSnapshot | null> {
    const kept = await this.#options.lastGood?.load();
    // The store may have been heard of while the disk was read.
    if (this.#fresh) return this.#look(signal);
    if (kept) {
      const when = new Date(kept.savedAtMs).toISOString();
      this.#tell(`${this.name} is away (${this.#reason}); using its rules as they were at ${when}`);
      return this.#snapshot(kept.rules, 0, signal);
    }
    this.#revision = "away";
    const reason = this.#failures === 0 ? `no answer within ${firstWordMs} ms` : this.#reason;
    const message = `expected a store that answers, got ${reason}; there is no copy on disk`;
    return { revision: "", rules: [], problems: [{ place: this.name, path: "", message, away: true }] };
  }

  /** Until the next rule of an owner ends for want of word from the store. */
  #leaseLeftMs(): number {
    const leases = this.#rules.flatMap(({ leaseMs }) => (leaseMs === null ? [] : [leaseMs]));
    if (leases.length === 0 || this.#heardAt === null) return usualSignOfLifeMs;
    return Math.min(...leases) - (this.#deps.clock.now() - this.#heardAt);
  }

  /** Three signs must be missed before a lease counts as ended. */
  #signOfLifeMs(): number {
    const leases = this.#rules.flatMap(({ leaseMs }) => (leaseMs === null ? [] : [leaseMs / 4]));
    return Math.min(usualSignOfLifeMs, ...leases);
  }

  #tell(message: string): void {
    this.#deps.tap.observe({ kind: "trouble", area: "rules", message });
  }
}

/** Writes elsewhere in the store move its counter too, the members' own among them; they are nobody's news. */
function newestIndex({ keys }: KeyView): number {
  return keys.reduce((newest, { index }) => Math.max(newest, index), 0);
}
