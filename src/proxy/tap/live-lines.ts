// One compact line per call while it happens, for the person who started the program:
//   POST payments.shop/v1/charges → 402 mocked by declined-charge 3.1 ms

import { printable } from "../../core/printable.ts";
import type { CallEvent, OpaqueEvent, Outcome, Tap, TapEvent } from "../../core/tap.ts";
import { callText, elapsedText, isUnused, nextStep, opaqueText } from "./call-text.ts";

export interface LiveLineOptions {
  readonly color: boolean;
  /** Above this rate only a count is shown, since nobody reads faster; default 100. */
  readonly linesPerSecond?: number;
  /** False: only what is broken on our side, nothing about traffic (`--quiet`). Default true. */
  readonly traffic?: boolean;
}

const colors: Readonly<Record<Outcome, string>> = {
  relayed: "2",
  mocked: "36",
  aborted: "33",
  refused: "31",
  failed: "31",
};

/** `sink` gets whole lines. What it throws is its own affair: the tee around all taps catches it. */
export function createLiveLines(sink: { write(text: string): void }, options: LiveLineOptions): Tap {
  const paint = (code: string, text: string) => (options.color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const pace = createPace(options.linesPerSecond ?? 100);
  let haveRules = false;
  let lastTrouble = "";

  function traffic(event: CallEvent | OpaqueEvent): void {
    if (options.traffic === false) return;
    const skipped = pace.skippedBefore(event.startedAtMs + event.durationMs);
    if (skipped === null) return;
    const { called, outcome } = event.kind === "call" ? callText(event) : opaqueText(event);
    const step = event.outcome === "failed" || event.outcome === "refused" ? nextStep(event) : "";
    const elapsed = paint("2", elapsedText(event.durationMs));
    sink.write(
      (skipped > 0 ? paint("2", `… ${skipped} more calls, too fast to show\n`) : "") +
        `${called} → ${paint(colors[event.outcome], outcome)} ${elapsed}\n` +
        (step === "" ? "" : `  ${paint("2", `next: ${step}`)}\n`),
    );
  }
  function trouble(text: string): void {
    // The same trouble over and over, as of a client that keeps trying, is told once.
    if (text !== lastTrouble) sink.write(`understudy: ${text}\n`);
    lastTrouble = text;
  }
  return {
    observe(event) {
      switch (event.kind) {
        case "call":
          traffic(event);
          break;
        case "opaque":
          if (!isUnused(event)) traffic(event);
          break;
        case "rules-applied":
          haveRules = true;
          if (options.traffic !== false) sink.write(`understudy: ${rulesText(event.rules)} in force\n`);
          break;
        case "rules-rejected":
          sink.write(rejectedText(event.problems, haveRules, (text) => paint("31", text)));
          break;
        case "rule-source":
          if (event.connected) lastTrouble = "";
          else
            trouble(printable(`rules: ${event.source} is away, the rules stay as they are: ${event.reason}`));
          break;
        case "faults-stopped":
          sink.write(`understudy: ${printable(stopText(event))}\n`);
          break;
        case "trouble":
          trouble(printable(`${event.area}: ${event.message}`));
          break;
        case "message-touched":
        case "connection-opened":
        case "connection-closed":
        case "detection-timeout":
        case "graphql":
          break;
        default:
          event satisfies never;
      }
    },
  };
}

function rulesText(rules: number): string {
  return rules === 1 ? "1 rule" : `${rules} rules`;
}

function rejectedText(
  problems: readonly string[],
  haveRules: boolean,
  red: (text: string) => string,
): string {
  const consequence = haveRules ? "the ones before stay in force" : "everything is relayed";
  const shown = problems.slice(0, 10).map((problem) => `  ${printable(problem)}\n`);
  const rest = problems.length > 10 ? `  … and ${problems.length - 10} more\n` : "";
  return `understudy: ${red(`the rules were refused; ${consequence}`)}\n${shown.join("")}${rest}`;
}

/** Lets so many lines through in each second of the events' own time. */
function createPace(perSecond: number): { skippedBefore(atMs: number): number | null } {
  let second = Number.NaN;
  let shown = 0;
  let skipped = 0;
  return {
    /** null: not this one. Otherwise how many were skipped since the last one. */
    skippedBefore(atMs) {
      const current = Math.floor(atMs / 1000);
      if (current !== second) {
        second = current;
        shown = 0;
      }
      if (shown >= perSecond) {
        skipped++;
        return null;
      }
      shown++;
      const before = skipped;
      skipped = 0;
      return before;
    },
  };
}

/** `faults are stopped by alice@laptop`. */
function stopText({ stopped, by }: Extract<TapEvent, { kind: "faults-stopped" }>): string {
  return `faults ${stopped ? "are stopped" : "may happen again"}${by === "" ? "" : `, says ${by}`}`;
}
