// Rules from a file or a folder of files, read again whenever they change: a plain write, an editor's or kubectl's atomic
// rename, a link that is pointed elsewhere, files that come and go. Files that rules answer with are watched too.

import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Clock } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import type { RuleSnapshot, RuleSource } from "../../../core/rule-source.ts";
import type { ReadRules } from "../read-rules.ts";
import { digestOf, isRuleFileName, type RuleFiles, readRuleFiles, signatureOf } from "../rule-files.ts";
import { FolderWatch, type WatchFolder } from "./folder-watch.ts";

export interface FileSourceDeps {
  readonly clock: Clock;
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
  #textDigest = "";
  #revision = "";
  #replied: readonly string[] = [];
  #read: ReadRules | null = null;
  #names: ReadonlySet<string> = new Set();

  constructor(path: string, deps: FileSourceDeps) {
    this.#path = path;
    this.#absolute = resolve(path);
    this.#deps = deps;
  }

  async *snapshots(signal: AbortSignal): AsyncGenerator<RuleSnapshot> {
    const watch = new FolderWatch(this.#deps.clock, (name) => this.#isOurs(name), this.#deps.watchFolder);
    let signature = "";
    let heard: "named" | "near" | "poll" = "named";
    try {
      while (!signal.aborted) {
        await this.#arm(watch);
        // Taken before reading: a change while we read shows as a difference at the next look.
        const seen = await signatureOf(this.#absolute, "/", this.#replied);
        if (heard === "named" || seen !== signature) {
          const snapshot = await this.#look(signal);
          signature = seen;
          if (snapshot !== null) {
            // New rules may answer with files that were neither watched nor part of the signature yet.
            await this.#arm(watch);
            yield snapshot;
          }
        }
        heard = await watch.next(signal);
      }
    } finally {
      watch.close();
    }
  }

  #isOurs(name: string): boolean {
    return this.#names.has(name) || isRuleFileName(name);
  }

  /** A snapshot where the content differs from the last one, else null. */
  async #look(signal: AbortSignal): Promise<RuleSnapshot | null> {
    const found = await readRuleFiles(this.#path, ".");
    if (this.#read === null || found.digest !== this.#textDigest) {
      const read = await this.#parse(found, signal);
      if (read === null) return null;
      this.#read = read.rules;
      this.#replied = read.replied;
      this.#textDigest = found.digest;
    }
    const replied = await digestOf(this.#replied);
    const revision = createHash("sha256").update(found.digest).update(replied).digest("hex").slice(0, 16);
    if (revision === this.#revision) return null;
    this.#revision = revision;
    const { rules, problems, locate } = this.#read;
    return { revision, rules, problems, locate };
  }

  /** null: given up because the signal aborted. */
  async #parse(
    found: RuleFiles,
    signal: AbortSignal,
  ): Promise<{ readonly rules: ReadRules; readonly replied: readonly string[] } | null> {
    // Loaded with the first rules: a sidecar without any does without the weight of the parser.
    const { parseFiles, repliedFiles } = await import("../read-rules.ts");
    try {
      const read = await parseFiles(found.files, this.#deps.clock, signal);
      const problems = [...found.problems, ...read.problems];
      const rules = problems.length === 0 ? read.rules : [];
      return { rules: { ...read, rules, problems }, replied: repliedFiles(read.rules) };
    } catch (thrown) {
      if (signal.aborted) return null;
      const problem = { place: this.#path, path: "", message: `could not be parsed: ${messageOf(thrown)}` };
      return { rules: { rules: [], problems: [problem], locate: () => problem }, replied: [] };
    }
  }

  /** Watches the folders of the path as written and as links resolve it, and those of the files that rules answer with. */
  async #arm(watch: FolderWatch): Promise<void> {
    const real = await realpath(this.#absolute).catch(() => this.#absolute);
    const files = [this.#absolute, real, ...this.#replied];
    const folders = new Set([this.#absolute, real, ...files.map((file) => dirname(file))]);
    watch.arm([...folders]);
    this.#names = new Set(files.map((file) => basename(file)));
  }
}
