// The access log: a JSON line per call, gathered and written in one go off the path of the call, and sampled when
// calls come faster than anybody reads. What was left out is counted in the log itself.

import type { Clock, Timer } from "../../core/clock.ts";
import type { Tap, TapEvent } from "../../core/tap.ts";
import { formatLogLine, type LogLevel, levelOf, logLevels } from "./log-line.ts";

export interface AccessLogDeps {
  /** A pino destination, a stream, or whatever takes text. Must not block; what it throws is swallowed. */
  readonly destination: { write(lines: string): unknown };
  readonly clock: Clock;
  /** Above this rate lines are left out, spread evenly. */
  readonly linesPerSecond: number;
  /** Least level that is written; default `info`. Failures and refusals are `warn`. */
  readonly level?: LogLevel;
  /** Fields of every line, such as pid and hostname. */
  readonly base?: Readonly<Record<string, string | number>>;
}

export interface AccessLog extends Tap {
  /** Writes what is gathered, now: before the process ends. */
  flush(): void;
}

/** How long a line may wait for company. */
const gatherMs = 20;
/** Characters that are gathered at most before they are written without waiting. */
const maxGathered = 65_536;

export function createAccessLog(deps: AccessLogDeps): AccessLog {
  const { destination, clock } = deps;
  const leastLevel = logLevels[deps.level ?? "info"];
  const base = renderBase(deps.base ?? {});
  const budget = new Budget(deps.linesPerSecond, clock);
  let gathered = "";
  let timer: Timer | null = null;

  function flush(): void {
    timer?.cancel();
    timer = null;
    const lines = gathered;
    gathered = "";
    if (lines === "") return;
    try {
      destination.write(lines);
    } catch {
      // A log that cannot be written is no reason to harm traffic, and there is no other place to say so.
    }
  }
  function gather(line: string): void {
    gathered += line;
    if (gathered.length > maxGathered) flush();
    else timer ??= clock.after(gatherMs, flush, { background: true });
  }
  const reports = createReports(clock, (dropped) =>
    gather(
      `{"level":${logLevels.warn},"time":${Math.round(clock.wall())}${base},"dropped":${dropped},"msg":"access log sampled"}\n`,
    ),
  );

  return {
    observe(event: TapEvent) {
      if (logLevels[levelOf(event)] < leastLevel) return;
      if (budget.take(momentOf(event, clock))) gather(formatLogLine(event, clock.wall(), base));
      else reports.count();
    },
    flush() {
      reports.tell();
      flush();
    },
  };
}

/** A finished call knows when it ended, which spares a look at the clock. */
function momentOf(event: TapEvent, clock: Clock): number {
  return event.kind === "call" ? event.startedAtMs + event.durationMs : clock.wall();
}

/**
 * A bucket of one second's lines that refills steadily, so that what is kept is spread over the whole second. A class, since
 * a call costs it two stores: V8 boxes each new fraction that a closure keeps.
 */
class Budget {
  readonly #perSecond: number;
  #tokens = 0;
  #filledAt = 0;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledAt = clock.wall();
  }

  /** `atMs`: milliseconds since the Unix epoch. False: this line is one too many. */
  take(atMs: number): boolean {
    if (this.#tokens < 1) {
      // A wall clock that is set back gives nothing, for once.
      const fresh = (Math.max(0, atMs - this.#filledAt) * this.#perSecond) / 1000;
      this.#tokens = Math.min(this.#perSecond, this.#tokens + fresh);
      this.#filledAt = atMs;
      if (this.#tokens < 1) return false;
    }
    this.#tokens--;
    return true;
  }
}

/** Says how many lines were dropped, at most once a second and also when traffic has stopped. */
function createReports(clock: Clock, say: (dropped: number) => void): { count(): void; tell(): void } {
  let dropped = 0;
  let timer: Timer | null = null;
  const tell = () => {
    timer?.cancel();
    timer = null;
    if (dropped > 0) say(dropped);
    dropped = 0;
  };
  return {
    count() {
      dropped++;
      timer ??= clock.after(1000, tell, { background: true });
    },
    tell,
  };
}

function renderBase(fields: Readonly<Record<string, string | number>>): string {
  const inner = JSON.stringify(fields).slice(1, -1);
  return inner === "" ? "" : `,${inner}`;
}
