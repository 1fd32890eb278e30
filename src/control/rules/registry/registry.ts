// Writing rules into a store so that sidecars see all of a change or none of it, however many rules it has. A change that
// fits into one commit of the store is one, the copy of the version before it included. A larger one is
//
//   keep    that copy, beside the rules
//   stage   contents that are not there yet, named by their digest, in as many commits as it takes; in force for nobody
//   swap    the manifest, one key, by compare-and-set: this is the moment of the change
//   sweep   contents that nobody needs any more
//
// A sweep moves a key that a swap checks, so what one person has staged cannot be swept by another unnoticed. A manifest that
// has changed since it was read is a conflict: nothing is overwritten that the writer has not seen.

import { UnderstudyError } from "../../../core/errors.ts";
import type { Change, Check, KeyValueStore } from "../kv/key-value-store.ts";
import {
  type Audience,
  contentKey,
  folderOf,
  historyPrefix,
  manifestKey,
  pastContentKey,
  pastManifestKey,
  pastSweepKey,
  sweepKey,
} from "./keys.ts";
import { digestOf, type Manifest, referenceOf, writeManifest } from "./manifest.ts";
import { type PastVersions, pastVersions } from "./past-versions.ts";
import { namesBeside, type RegistryState, registryState } from "./registry-state.ts";

/** A rule to be in force. */
export interface DesiredRule {
  readonly name: string;
  /** JSON or YAML of the rule. */
  readonly text: string;
}

export interface RegistryOptions {
  readonly store: KeyValueStore;
  readonly prefix: string;
  readonly audience: Audience;
  /** Versions before the one in force that are kept. */
  readonly keepVersions: number;
  /** `alice@laptop`. */
  readonly author: string;
}

export interface RegistryDeps {
  /** Milliseconds since the Unix epoch. */
  readonly wall: () => number;
  /** An id that nobody else has. */
  readonly newId: () => string;
}

export interface Written {
  readonly version: number;
  /** The store's counter at the swap. */
  readonly index: number;
}

/** Attempts while others sweep; each of them needs a write of somebody else in between. */
const maxAttempts = 5;
/** Looks at the store after an answer to the swap did not come. */
const maxLooks = 5;

export class Registry {
  readonly #options: RegistryOptions;
  readonly #deps: RegistryDeps;

  constructor(options: RegistryOptions, deps: RegistryDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async state(signal: AbortSignal): Promise<RegistryState> {
    const { store, prefix, audience } = this.#options;
    return registryState(await store.read(prefix, signal), prefix, audience);
  }

  async past(signal: AbortSignal): Promise<PastVersions> {
    const { store, prefix, audience } = this.#options;
    const view = await store.read(folderOf(historyPrefix(prefix), audience), signal);
    return pastVersions(view, prefix, audience);
  }

  /**
   * Puts exactly these rules in force for the audience, provided that `seen` is still what is in force. Rejects with
   * `store_conflict`, `bad_rules` (a name that another rule has, too large for the store), `store_unavailable`.
   */
  async put(
    rules: readonly DesiredRule[],
    reason: string,
    seen: RegistryState,
    signal: AbortSignal,
  ): Promise<Written> {
    const manifest = this.#manifestOf(rules, reason, seen);
    const text = writeManifest(manifest);
    this.#checkSizes(rules, text);
    for (let attempt = 1; ; attempt++) {
      const { store, prefix, audience } = this.#options;
      // Two reads, of two moments: the commit checks that neither has changed in what matters.
      const [view, past] = await Promise.all([store.read(prefix, signal), this.past(signal)]);
      const now = registryState(view, prefix, audience);
      if (now.manifest?.index !== seen.manifest?.index) throw this.#conflict(now);
      refuseTaken(rules, namesBeside(view, prefix, audience, "ignore"));
      const index = await this.#change(rules, { manifest, text }, now, past, signal);
      if (index !== null) {
        await this.#sweepPast(index, manifest.version, signal);
        return { version: manifest.version, index };
      }
      if (attempt === maxAttempts) throw this.#conflict(await this.state(signal));
    }
  }

  /** Removes a rule that was written by hand, provided that it is still what was seen. Rejects with `store_conflict`. */
  async removeWritten(
    name: string,
    seen: RegistryState,
    signal: AbortSignal,
  ): Promise<{ readonly index: number }> {
    const { store } = this.#options;
    const key = `${seen.folder}${name}`;
    const index = seen.written.get(name)?.index ?? 0;
    // The sweep key moves, so that there is a write by which sidecars can tell that they know of the removal.
    const changes = [{ remove: key }, { put: sweepKey(seen.folder), value: this.#deps.newId() }];
    const commit = await store.commit([{ key, index }], changes, signal);
    if (commit.kind === "done") return { index: commit.index };
    throw new UnderstudyError(
      "store_conflict",
      `${key}: somebody else has written it in between; nothing was removed`,
    );
  }

  #manifestOf(rules: readonly DesiredRule[], reason: string, seen: RegistryState): Manifest {
    return {
      format: 1,
      version: (seen.manifest?.value.version ?? 0) + 1,
      id: this.#deps.newId(),
      atMs: this.#deps.wall(),
      author: this.#options.author,
      reason,
      rules: rules.map(({ name, text }) => ({ name, digest: digestOf(text) })),
    };
  }

  #checkSizes(rules: readonly DesiredRule[], manifest: string): void {
    const { maxCommitBytes } = this.#options.store;
    for (const { name, text } of rules) {
      const bytes = Buffer.byteLength(text);
      if (bytes <= maxCommitBytes) continue;
      const message = `${name}: expected at most ${maxCommitBytes} bytes for a rule in this store, got ${bytes}`;
      throw new UnderstudyError("bad_rules", message);
    }
    if (Buffer.byteLength(manifest) <= maxCommitBytes) return;
    const message = `expected fewer rules: a list of ${rules.length} is larger than the ${maxCommitBytes} bytes that this store takes`;
    throw new UnderstudyError("bad_rules", message);
  }

  /** What puts the version in force beside the rules, since it is to be replaced. */
  #keeping({ manifest, manifestText, contents }: RegistryState, past: PastVersions): readonly Change[] {
    if (manifest === null || this.#options.keepVersions === 0) return [];
    const changes: Change[] = manifest.value.rules.map(referenceOf).flatMap((reference) => {
      const value = contents.get(reference)?.value;
      if (value === undefined || past.contents.get(reference) === value) return [];
      return [{ put: pastContentKey(past.folder, reference), value }];
    });
    changes.push({ put: pastManifestKey(past.folder, manifest.value.version), value: manifestText });
    return changes;
  }

  /** The index of the swap; null: something has changed meanwhile. */
  async #change(
    rules: readonly DesiredRule[],
    next: { readonly manifest: Manifest; readonly text: string },
    now: RegistryState,
    past: PastVersions,
    signal: AbortSignal,
  ): Promise<number | null> {
    const { folder, contents } = now;
    const key = manifestKey(folder);
    const atManifest = { key, index: now.manifest?.index ?? 0 };
    const checks = [
      atManifest,
      { key: sweepKey(folder), index: now.sweepIndex },
      { key: pastSweepKey(past.folder), index: past.sweepIndex },
    ];
    const swap = { put: key, value: next.text };
    const needed = new Map(
      next.manifest.rules.map((rule, index) => [referenceOf(rule), rules[index]?.text ?? ""]),
    );
    const arrivals = [...needed]
      .filter(([reference, text]) => contents.get(reference)?.value !== text)
      .map(([reference, text]) => ({ put: contentKey(folder, reference), value: text }));
    const departures = [...contents.keys()]
      .filter((reference) => !needed.has(reference))
      .map((reference) => ({ remove: contentKey(folder, reference) }));
    const change = [swap, ...arrivals, ...departures];
    const keeping = this.#keeping(now, past);
    const fits = (changes: readonly Change[]) => this.#portions(changes, checks.length).length === 1;
    const all = [...change, ...keeping];
    if (fits(all)) return this.#swap(all, checks, next.manifest.id, signal);
    if (!(await this.#commitAll([atManifest], keeping, signal))) return null;
    if (fits(change)) return this.#swap(change, checks, next.manifest.id, signal);
    if (!(await this.#commitAll([atManifest], arrivals, signal))) return null;
    const index = await this.#swap([swap], checks, next.manifest.id, signal);
    if (index !== null) await this.#sweep([{ key, index }], sweepKey(folder), departures, signal);
    return index;
  }

  async #swap(
    changes: readonly Change[],
    checks: readonly Check[],
    id: string,
    signal: AbortSignal,
  ): Promise<number | null> {
    try {
      const commit = await this.#options.store.commit(checks, changes, signal);
      return commit.kind === "done" ? commit.index : null;
    } catch (thrown) {
      const index = await this.#lookFor(id, signal);
      if (index !== null) return index;
      throw thrown;
    }
  }

  /** false: some check did not hold, and the rest was not written. */
  async #commitAll(
    checks: readonly Check[],
    changes: readonly Change[],
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const some of this.#portions(changes, checks.length)) {
      const commit = await this.#options.store.commit(checks, some, signal);
      if (commit.kind === "conflict") return false;
    }
    return true;
  }

  /** A swap whose answer was lost may have been done all the same. */
  async #lookFor(id: string, signal: AbortSignal): Promise<number | null> {
    for (let look = 0; look < maxLooks && !signal.aborted; look++) {
      const state = await this.state(signal).catch(() => null);
      if (state?.manifest?.value.id === id) return state.manifest.index;
      if (state !== null) return null;
    }
    return null;
  }

  /** Failing at it, or being overtaken, harms nothing: the next writer sweeps. */
  async #sweep(
    checks: readonly Check[],
    key: string,
    needless: readonly Change[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const some of this.#portions(needless, checks.length + 1)) {
      try {
        const moved = { put: key, value: this.#deps.newId() };
        const commit = await this.#options.store.commit(checks, [moved, ...some], signal);
        if (commit.kind === "conflict") return;
      } catch {
        return;
      }
    }
  }

  /** Versions that are too old, and contents that no kept one names. `index`: of the manifest in force. */
  async #sweepPast(index: number, version: number, signal: AbortSignal): Promise<void> {
    const past = await this.past(signal).catch(() => null);
    if (past === null) return;
    const { folder, manifests, versions, contents } = past;
    const oldest = version - this.#options.keepVersions;
    const kept = manifests.filter((one) => one.version >= oldest && one.version < version);
    const needed = new Set(kept.flatMap(({ rules }) => rules.map(referenceOf)));
    const needless = [
      ...versions
        .filter((one) => one < oldest || one >= version)
        .map((one) => ({ remove: pastManifestKey(folder, one) })),
      ...[...contents.keys()]
        .filter((reference) => !needed.has(reference))
        .map((reference) => ({ remove: pastContentKey(folder, reference) })),
    ];
    const inForce = { key: manifestKey(folderOf(this.#options.prefix, this.#options.audience)), index };
    await this.#sweep([inForce], pastSweepKey(folder), needless, signal);
  }

  /** Changes in portions that the store takes in one commit, beside so many other operations. */
  #portions(changes: readonly Change[], others: number): readonly (readonly Change[])[] {
    const { maxOperations, maxCommitBytes } = this.#options.store;
    const portions: Change[][] = [];
    let bytes = 0;
    for (const change of changes) {
      const size =
        "put" in change ? Buffer.byteLength(change.value) + change.put.length : change.remove.length;
      const last = portions.at(-1);
      if (last && last.length < maxOperations - others && bytes + size <= maxCommitBytes) {
        last.push(change);
        bytes += size;
      } else {
        portions.push([change]);
        bytes = size;
      }
    }
    return portions;
  }

  #conflict({ manifest, folder }: RegistryState): UnderstudyError {
    const by = manifest
      ? `version ${manifest.value.version} by ${manifest.value.author} (${manifest.value.reason})`
      : "an emptied store";
    return new UnderstudyError(
      "store_conflict",
      `${manifestKey(folder)}: expected what this change was made from, got ${by}; nothing was written`,
    );
  }
}

/** `beside`: names of rules, with the key of each. */
export function refuseTaken(
  rules: readonly { readonly name: string }[],
  beside: ReadonlyMap<string, string>,
): void {
  const taken = rules.flatMap(({ name }) => {
    const key = beside.get(name);
    return key === undefined ? [] : [`${name}: expected a name of its own, but ${key} has it too`];
  });
  if (taken.length > 0) throw new UnderstudyError("bad_rules", taken.join("\n"));
}
