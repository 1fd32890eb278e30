// Tells that something happened in some folders: file system events, gathered over a short while because one save is several
// of them, and a slow poll for those that get lost (network file systems, too many watches).

import { type FSWatcher, watch as fsWatch, statSync } from "node:fs";
import type { Clock, Timer } from "../../../core/clock.ts";

const gatherMs = 30;
const pollMs = 2_000;
/** A folder with more events a second than this on names that are nobody's, a log beside the rules say, is loud. */
const maxStrangers = 32;
/** How long a loud folder goes unwatched: every write into it would wake us. The poll is brisker meanwhile. */
const loudMs = 10_000;
const loudPollMs = 250;
/** Folders beyond that are left to the poll; the kernel's watches are few and shared by all programs of a user. */
const maxFolders = 64;

/** Starts watching one folder; `changed` gets the entry's name, or null where the system does not say. */
export type WatchFolder = (folder: string, changed: (name: string | null) => void) => { close(): void };

interface Watched {
  readonly identity: string;
  readonly watcher: { close(): void };
}

/** Events of one folder on names that are nobody's, since `sinceMs`. */
interface Strangers {
  sinceMs: number;
  count: number;
}

/** Owned by one iteration of a source, which calls `close`. */
export class FolderWatch {
  readonly #clock: Clock;
  readonly #watchFolder: WatchFolder;
  readonly #isOurs: (name: string) => boolean;
  readonly #watched = new Map<string, Watched>();
  /** Until when each loud folder goes unwatched. */
  readonly #loudUntil = new Map<string, number>();
  #hint: "named" | "near" | null = null;
  #notify: () => void = () => undefined;

  /** `isOurs`: whether an event on an entry of that name counts as `named`. */
  constructor(clock: Clock, isOurs: (name: string) => boolean, watchFolder: WatchFolder = watchWithKernel) {
    this.#clock = clock;
    this.#isOurs = isOurs;
    this.#watchFolder = watchFolder;
  }

  /** Watches exactly these folders, but for loud ones. Call again to renew lost watches. */
  arm(folders: readonly string[]): void {
    const wanted = new Set(folders.slice(0, maxFolders));
    for (const [folder, until] of this.#loudUntil)
      if (this.#clock.now() >= until || !wanted.has(folder)) this.#loudUntil.delete(folder);
      else wanted.delete(folder);
    for (const [folder, { identity }] of this.#watched)
      if (!wanted.has(folder) || identityOf(folder) !== identity) this.#drop(folder);
    for (const folder of wanted) if (!this.#watched.has(folder)) this.#watch(folder);
  }

  /** Resolves to what happened since the last call: `named`, `near`, or `poll` where nothing was heard. Early on abort. */
  next(signal: AbortSignal): Promise<"named" | "near" | "poll"> {
    return new Promise((resolve) => {
      let timer: Timer;
      const finish = () => {
        timer.cancel();
        signal.removeEventListener("abort", finish);
        this.#notify = () => undefined;
        const heard = this.#hint ?? "poll";
        this.#hint = null;
        resolve(heard);
      };
      const gather = () => {
        timer.cancel();
        this.#notify = () => undefined;
        timer = this.#clock.after(gatherMs, finish, { background: true });
      };
      const waitMs = this.#loudUntil.size > 0 ? loudPollMs : pollMs;
      timer = this.#clock.after(waitMs, finish, { background: true });
      this.#notify = gather;
      signal.addEventListener("abort", finish, { once: true });
      if (signal.aborted) finish();
      else if (this.#hint !== null) gather();
    });
  }

  close(): void {
    for (const folder of [...this.#watched.keys()]) this.#drop(folder);
  }

  #watch(folder: string): void {
    const identity = identityOf(folder);
    if (identity === null) return;
    const strangers = { sinceMs: this.#clock.now(), count: 0 };
    try {
      const watcher = this.#watchFolder(folder, (name) => {
        const named = name === null || this.#isOurs(name);
        if (named || this.#hint === null) this.#hint = named ? "named" : "near";
        if (!named && this.#isLoud(strangers)) this.#leaveAlone(folder);
        this.#notify();
      });
      this.#watched.set(folder, { identity, watcher });
    } catch {
      // No watch to be had (ENOSPC, ENOSYS): the poll sees the change, a little later.
    }
  }

  #isLoud(strangers: Strangers): boolean {
    const now = this.#clock.now();
    if (now - strangers.sinceMs > 1_000) {
      strangers.sinceMs = now;
      strangers.count = 0;
    }
    return ++strangers.count > maxStrangers;
  }

  #leaveAlone(folder: string): void {
    this.#drop(folder);
    this.#loudUntil.set(folder, this.#clock.now() + loudMs);
  }

  #drop(folder: string): void {
    this.#watched.get(folder)?.watcher.close();
    this.#watched.delete(folder);
  }
}

/**
 * A folder that was removed and made again is another one, and the old watch is deaf. null where it cannot be seen: not there,
 * no right to look (EACCES), a circle of links (ELOOP), a network file system that has gone (ESTALE).
 */
function identityOf(folder: string): string | null {
  try {
    const found = statSync(folder, { bigint: true });
    return `${found.dev}:${found.ino}`;
  } catch {
    return null;
  }
}

function watchWithKernel(folder: string, changed: (name: string | null) => void): FSWatcher {
  const watcher = fsWatch(folder, { persistent: false }, (_kind, name) => changed(name));
  // The watch is gone with its folder; the next `arm` notices.
  watcher.on("error", () => watcher.close());
  return watcher;
}
