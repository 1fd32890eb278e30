// The word on whether faults may happen at all, apart from any rule: said by people, told on from sidecar to sidecar, ordered
// so that everybody ends up with the same one whatever the order in which words arrive.

/** One word. A later one takes its place. */
export interface FaultStop {
  /** Whether no fault may happen. */
  readonly halted: boolean;
  /**
   * Orders words: milliseconds since the Unix epoch, and always later than the words that whoever says it knows of. So a word
   * that was recorded before all members were started anew is older than those said since. 0: nobody has said anything.
   */
  readonly time: number;
  /** Who said it, for people; "" where that is not known. */
  readonly by: string;
}

export const neverStopped: FaultStop = Object.freeze({ halted: false, time: 0, by: "" });

const maxByLength = 100;
/** Times that are read at all. */
const maxTime = 2 ** 52;
/**
 * A word from further ahead of our clock is not taken: clocks are wrong now and then, by half a century where a machine begins
 * at the epoch. The bound goes on with the clock, and one word takes one step, so none can be the last one for ever.
 */
const mostAheadMs = 100 * 365 * 86_400_000;

/** Whether `next` takes the place of `known`. Of two at the same time the stop wins: it harms nobody. */
export function isLater(next: FaultStop, known: FaultStop): boolean {
  return next.time === known.time ? next.halted && !known.halted : next.time > known.time;
}

/** The time of a word that is said now. `wallMs`: of our clock. */
export function timeAfter(known: FaultStop, wallMs: number): number {
  return Math.max(1, known.time + 1, Math.floor(wallMs));
}

/** Whether a word can have been said by now. */
export function isCredible({ time }: FaultStop, wallMs: number): boolean {
  return time <= wallMs + mostAheadMs;
}

/** `h12` or `r13`, as short as a tag should be; "" before the first word. */
export function formatStop({ halted, time }: FaultStop): string {
  return time === 0 ? "" : `${halted ? "h" : "r"}${time}`;
}

/** null: no such word. */
export function parseStop(text: string, by = ""): FaultStop | null {
  const [, letter, digits = ""] = /^([hr])([1-9]\d{0,15})$/.exec(text) ?? [];
  const time = Number(digits);
  return letter === undefined || time > maxTime ? null : { halted: letter === "h", time, by: shown(by) };
}

/** A name as people write it, in one line. */
export function shown(by: string): string {
  return by.replace(/[^\x20-\x7e]/g, "?").slice(0, maxByLength);
}
