// Rules from a file or a folder of files, read again whenever they change: a plain write, an editor's or kubectl's atomic
// rename, a link that is pointed elsewhere, files that come and go. Files that rules answer with, and those that describe
// their messages, are watched too.

import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Clock } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import type { RuleSnapshot, RuleSource } from "../../../core/rule-source.ts";
import { type FoundRules, inlineReader, type RuleReader } from "../reader/rule-reader.ts";
import { describingFiles, describingPaths, repliedFiles } from "../replied-files.ts";
import { digestOf, isRuleFileName, signatureOf } from "../rule-files.ts";
import { FolderWatch, type WatchFolder } from "./folder-watch.ts";

export interface FileSourceDeps {
  readonly clock: Clock;
  /** Who reads and parses; this thread where left out. */
  readonly reader?: RuleReader;
  /** How folders are watched; the kernel's way where left out. */
  readonly watchFolder?: WatchFolder;
}

/**
 * Snapshots of the rules at `path`. A snapshot with problems says what is wrong, unreadable and missing files included; the
 * source keeps watching, so that mending the file is enough.
 */
export function fileSource(path: string, deps: FileSourceDeps): RuleSource {
  return {
    name: `file:${path}`,
    watch: (signal) => new FileReader(path, deps).snapshots(signal),
  };
}

class FileReader {
  readonly #path: string;
  readonly #absolute: string;
  readonly #deps: FileSourceDeps;
  readonly #reader: RuleReader;
  #textDigest = "";
  #revision = "";
  #replied: readonly string[] = [];
  /** As the rules name them. */
  #describing: readonly string[] = [];
  /** Both, as they are now. */
  #others: readonly string[] = [];
  #read: FoundRules | null = null;
  #names: ReadonlySet<string> = new Set();

  constructor(path: string, deps: FileSourceDeps) {
    this.#path = path;
    this.#absolute = resolve(path);
    this.#deps = deps;
    this.#reader = deps.reader ?? inlineReader(deps.clock);
  }

  async *snapshots(signal: AbortSignal): AsyncGenerator<RuleSnapshot> {
    const watch = new FolderWatch(this.#deps.clock, (name) => this.#isOurs(name), this.#deps.watchFolder);
    let signature = "";
    let heard: "named" | "near" | "poll" = "named";
    try {
      while (!signal.aborted) {
        await this.#arm(watch);
        // Taken before reading: a change while we read shows as a difference at the next look.
        const seen = await signatureOf(this.#absolute, "/", this.#others);
        if (heard === "named" || seen !== signature) {
          const snapshot = await this.#look(signal);
          signature = seen;
          if (snapshot !== null) {
            // New rules may answer with files that were neither watched nor part of the signature yet.
            await this.#arm(watch);
            yield snapshot;
            this.#read?.close(); // it was taken or refused: nobody asks for its lines any more
          }
        }
        heard = await watch.next(signal);
      }
    } finally {
      this.#read?.close();
      watch.close();
    }
  }

  #isOurs(name: string): boolean {
    const isSource = this.#describing.length > 0 && name.endsWith(".proto");
    return this.#names.has(name) || isRuleFileName(name) || isSource;
  }

  /** A snapshot where the content differs from the last one, else null. */
  async #look(signal: AbortSignal): Promise<RuleSnapshot | null> {
    const found = await this.#find(signal);
    if (signal.aborted) return null;
    if (found !== null) {
      this.#read = found;
      this.#replied = repliedFiles(found.rules);
      this.#describing = describingPaths(found.rules);
      await this.#list();
      this.#textDigest = found.digest;
    }
    if (this.#read === null) return null;
    const others = await digestOf(this.#others);
    const revision = createHash("sha256").update(this.#textDigest).update(others).digest("hex").slice(0, 16);
    if (revision === this.#revision) return null;
    this.#revision = revision;
    const { rules, problems, locate } = this.#read;
    return { revision, rules, problems, locate };
  }

  /** null where the files have not changed, or where it was given up because the signal aborted. */
  async #find(signal: AbortSignal): Promise<FoundRules | null> {
    try {
      return await this.#reader.read(this.#path, this.#textDigest, signal);
    } catch (thrown) {
      if (signal.aborted) return null;
      const problem = { place: this.#path, path: "", message: `could not be read: ${messageOf(thrown)}` };
      return {
        digest: `broken: ${problem.message}`, // no files have this one: the next look reads again
        rules: [],
        problems: [problem],
        locate: async () => problem,
        close: () => undefined,
      };
    }
  }

  async #list(): Promise<void> {
    const { length } = this.#describing;
    this.#others =
      length === 0 ? this.#replied : [...this.#replied, ...(await describingFiles(this.#describing))];
  }

  /** Watches the folders of the path as written and as links resolve it, and those of the other files. */
  async #arm(watch: FolderWatch): Promise<void> {
    await this.#list(); // sources come and go
    const real = await realpath(this.#absolute).catch(() => this.#absolute);
    const files = [this.#absolute, real, ...this.#others];
    const folders = new Set([
      this.#absolute,
      real,
      ...this.#describing,
      ...files.map((file) => dirname(file)),
    ]);
    watch.arm([...folders]);
    this.#names = new Set(files.map((file) => basename(file)));
  }
}
