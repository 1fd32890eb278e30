// Writing rules into a store so that sidecars see all of a change or none of it, however many rules it has:
//
//   stage   contents that are not there yet, named by their digest, in as many commits as it takes; in force for nobody
//   swap    the manifest, one key, by compare-and-set: this is the moment of the change
//   sweep   contents and versions that nobody needs any more
//
// A sweep moves the sweep key and a swap checks it, so what one person has staged cannot be swept by another unnoticed.
// A manifest that has changed since it was read is a conflict: nothing is overwritten that the writer has not seen.

import { UnderstudyError } from "../../../core/errors.ts";
import type { Change, KeyValueStore } from "../kv/key-value-store.ts";
import { type Audience, contentKey, historyKey, manifestKey, sweepKey } from "./keys.ts";
import { digestOf, type Manifest, referenceOf } from "./manifest.ts";
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
    const text = JSON.stringify(manifest);
    this.#checkSizes(rules, text);
    for (let attempt = 1; ; attempt++) {
      const { store, prefix, audience } = this.#options;
      const view = await store.read(prefix, signal);
      const now = registryState(view, prefix, audience);
      if (now.manifest?.index !== seen.manifest?.index) throw this.#conflict(now);
      refuseTaken(rules, namesBeside(view, prefix, audience, "ignore"));
      const staged = await this.#stage(rules, now, signal);
      const index = staged ? await this.#swap(manifest, text, now, signal) : null;
      if (index !== null) {
        await this.#sweep(signal);
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

  /** false: the manifest has changed meanwhile. */
  async #stage(rules: readonly DesiredRule[], now: RegistryState, signal: AbortSignal): Promise<boolean> {
    const { folder, contents, manifest, manifestText } = now;
    const changes = new Map<string, Change>();
    for (const { name, text } of rules) {
      const reference = referenceOf({ name, digest: digestOf(text) });
      const key = contentKey(folder, reference);
      if (contents.get(reference)?.value !== text) changes.set(key, { put: key, value: text });
    }
    if (manifest) {
      const key = historyKey(folder, manifest.value.version);
      changes.set(key, { put: key, value: manifestText });
    }
    const checks = [{ key: manifestKey(folder), index: manifest?.index ?? 0 }];
    for (const some of this.#portions([...changes.values()], checks.length)) {
      const commit = await this.#options.store.commit(checks, some, signal);
      if (commit.kind === "conflict") return false;
    }
    return true;
  }

  /** The index of the swap; null: something has changed meanwhile. */
  async #swap(
    manifest: Manifest,
    text: string,
    now: RegistryState,
    signal: AbortSignal,
  ): Promise<number | null> {
    const { folder, sweepIndex } = now;
    const key = manifestKey(folder);
    const checks = [
      { key, index: now.manifest?.index ?? 0 },
      { key: sweepKey(folder), index: sweepIndex },
    ];
    try {
      const commit = await this.#options.store.commit(checks, [{ put: key, value: text }], signal);
      return commit.kind === "done" ? commit.index : null;
    } catch (thrown) {
      const index = await this.#lookFor(manifest.id, signal);
      if (index !== null) return index;
      throw thrown;
    }
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
  async #sweep(signal: AbortSignal): Promise<void> {
    try {
      const now = await this.state(signal);
      const { folder, manifest } = now;
      const checks = [{ key: manifestKey(folder), index: manifest?.index ?? 0 }];
      for (const some of this.#portions(this.#needless(now), checks.length + 1)) {
        const moved = { put: sweepKey(folder), value: this.#deps.newId() };
        const commit = await this.#options.store.commit(checks, [moved, ...some], signal);
        if (commit.kind === "conflict") return;
      }
    } catch (thrown) {
      if (signal.aborted) throw thrown;
    }
  }

  #needless({ folder, manifest, history, historyVersions, contents }: RegistryState): readonly Change[] {
    const oldest = (manifest?.value.version ?? 0) - this.#options.keepVersions;
    const kept = history.filter(({ version }) => version >= oldest);
    const needed = new Set(
      [...kept, ...(manifest ? [manifest.value] : [])].flatMap(({ rules }) => rules.map(referenceOf)),
    );
    const versions = historyVersions.filter((version) => version < oldest);
    const references = [...contents.keys()].filter((reference) => !needed.has(reference));
    return [
      ...versions.map((version) => ({ remove: historyKey(folder, version) })),
      ...references.map((reference) => ({ remove: contentKey(folder, reference) })),
    ];
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
