// Rules read by a process of its own that ends when they are taken. A sidecar thereby never loads the parser (25 MB that
// no thread would give back), never stands still for a large file, and survives whatever the parser does.

import { type ChildProcess, fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock, Timer } from "../../../core/clock.ts";
import type { RuleSpec } from "../../../core/rule.ts";
import { findKept, type Kept, type KeptDeps } from "./kept-rules.ts";
import type { Answer, Beat, Question } from "./messages.ts";
import { type FoundRules, inlineReader, type RuleReader } from "./rule-reader.ts";

/** Silence after which the process is taken for stuck. It says something every second. */
const silenceMs = 30_000;
/** How long it may take to keep what it has read. */
const keepingMs = 5_000;
/** Its heap. 100,000 rules take a quarter of that. */
const maxHeapMb = 2_048;

export interface ProcessReaderDeps {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What is run instead of the reading process. */
  readonly entry?: string;
  /** Where rules are kept for the next start; nowhere where left out. */
  readonly kept?: KeptDeps | undefined;
}

/** Beside compiled code, if that is kept. A checkout is many files, of which any may have changed what is read. */
export function keptBeside(uid: number): KeptDeps | undefined {
  const cache = getCompileCacheDir();
  const program = entryFile();
  if (cache === undefined || program.endsWith(".ts")) return undefined;
  return { folder: join(cache, "rules"), program, uid };
}

/** One process a reading. Where none can be started, rules are read in this one. */
export function processReader(deps: ProcessReaderDeps): RuleReader {
  return {
    async read(path, known, signal) {
      // Only at the start: a reload is one since the content is another.
      const kept = deps.kept && known === "" ? await findKept(path, deps.kept) : null;
      if (kept)
        return withLines(kept, () => processReader({ ...deps, kept: undefined }).read(path, "", signal));
      const session = new Session(deps);
      try {
        return await readWith(session, path, known, signal, deps.kept);
      } catch (thrown) {
        session.close();
        if (!session.started && !signal.aborted) return inlineReader(deps.clock).read(path, known, signal);
        throw thrown;
      }
    },
  };
}

/** Lines are asked for where a rule is refused after all, and only then the files are read. */
function withLines({ rules, digest }: Kept, read: () => Promise<FoundRules | null>): FoundRules {
  let reading: Promise<FoundRules | null> | null = null;
  return {
    ...{ rules, digest, problems: [] },
    async locate(rule, where) {
      reading ??= read();
      const again = await reading;
      const twin = again?.digest === digest ? again.rules[rules.indexOf(rule)] : undefined;
      if (!again || !twin) throw new Error("the files have changed since");
      return again.locate(twin, where);
    },
    close() {
      reading?.then((again) => again?.close()).catch(() => undefined); // told where it was asked for
      reading = null;
    },
  };
}

async function readWith(
  session: Session,
  path: string,
  known: string,
  signal: AbortSignal,
  kept: KeptDeps | undefined,
): Promise<FoundRules | null> {
  const found = await session.ask({ ask: "read", path, known }, signal);
  if (found.kind === "same") {
    session.close();
    return null;
  }
  if (found.kind !== "found") throw unexpected(found);
  const rules: RuleSpec[] = [];
  while (rules.length < found.count) {
    const next = await session.ask({ ask: "rules", from: rules.length }, signal);
    if (next.kind !== "rules" || next.rules.length === 0) throw unexpected(next);
    for (const rule of next.rules) rules.push(rule);
  }
  return {
    digest: found.digest,
    rules,
    problems: found.problems,
    async locate(rule, where) {
      const index = rules.indexOf(rule);
      const place = await session.ask({ ask: "locate", index, path: where }, signal);
      if (place.kind !== "place") throw unexpected(place);
      return { place: place.place, path: place.path };
    },
    close() {
      if (kept && found.problems.length === 0) session.keep(path, kept);
      else session.close();
    },
  };
}

function unexpected(answer: Answer): Error {
  return new Error(answer.kind === "failed" ? answer.message : `unexpected answer "${answer.kind}"`);
}

/** One process, asked one thing at a time. */
class Session {
  /** Whether there ever was a process. */
  readonly started: boolean;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  #ended: Error | null = null;
  #settle: ((answer: Answer | Error) => void) | null = null;
  #silence: Timer | null = null;

  constructor({ clock, env, entry = entryFile() }: ProcessReaderDeps) {
    this.#clock = clock;
    const cache = getCompileCacheDir();
    this.#child = fork(entry, {
      serialization: "advanced",
      execArgv: [`--max-old-space-size=${maxHeapMb}`],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: { ...env, ...(cache ? { NODE_COMPILE_CACHE: dirname(cache) } : {}) },
    });
    this.started = this.#child.pid !== undefined;
    this.#child.on("message", (message) => this.#heard(message as Answer | Beat)); // the entry sends nothing else
    this.#child.on("error", (error) => this.#end(error));
    this.#child.on("exit", (code, signal) =>
      this.#end(new Error(`the process that reads rules ended with ${signal ?? code}`)),
    );
    this.#idle();
  }

  /** Rejects where the process ends or falls silent, and with the signal's reason. */
  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const onAbort = () => this.#end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#child.ref();
    this.#child.channel?.ref();
    this.#settle = (answer) => (answer instanceof Error ? reject(answer) : resolve(answer));
    this.#listen();
    this.#child.send(question);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#idle();
    }
  }

  /** Lets it keep what it has read, and go. Nobody waits for that. */
  keep(path: string, { folder, program }: KeptDeps): void {
    const enough = new AbortController();
    const timer = this.#clock.after(keepingMs, () => enough.abort(), { background: true });
    const kept = this.ask({ ask: "keep", path, folder, program }, enough.signal);
    this.#child.unref();
    this.#child.channel?.unref();
    const gone = () => {
      timer.cancel();
      this.close();
    };
    kept.then(gone, gone);
  }

  close(): void {
    this.#end(new Error("the process that reads rules was let go"));
  }

  #heard(message: Answer | Beat): void {
    if (this.#settle === null) return;
    if (message.kind === "alive") this.#listen();
    else this.#settle(message);
  }

  #listen(): void {
    this.#silence?.cancel();
    this.#silence = this.#clock.after(
      silenceMs,
      () => this.#end(new Error(`the process that reads rules said nothing for ${silenceMs / 1_000} s`)),
      { background: true },
    );
  }

  /** Nothing is asked: it keeps neither a timer nor this process alive. */
  #idle(): void {
    this.#silence?.cancel();
    this.#settle = null;
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #end(why: Error): void {
    if (this.#ended) return;
    this.#ended = why;
    this.#silence?.cancel();
    this.#settle?.(why);
    if (this.#child.connected) this.#child.disconnect();
    // Nothing of value is in it; one that hangs would not notice the end of the channel.
    this.#child.kill("SIGKILL");
  }
}

function entryFile(): string {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`./entry.${suffix}`, import.meta.url));
}
