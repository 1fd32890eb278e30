// What members tell each other about budgets: for each rule that bounds its calls how many this member could use, and how many
// it counts on. Whole each time, so that only the newest word of a member counts.

/** For one rule. */
export interface Figure {
  /** Calls at once that could be used. */
  readonly want: number;
  /** Calls at once that nobody else may count on: what this member allows itself, or those under way where they are more. */
  readonly held: number;
}

/** All that one member says. */
export interface Figures {
  readonly from: string;
  /** Grows with each word of that member, over restarts too. */
  readonly seq: number;
  /** By the key of a rule: eight hexadecimal digits. */
  readonly rules: ReadonlyMap<string, Figure>;
}

/** Rules of one member whose budgets are told: what fits into one broadcast. */
export const maxToldRules = 28;
const maxCount = 999_999;
const maxNameLength = 128;

/** 1,000 bytes at most. */
export function encodeFigures({ from, seq, rules }: Figures): Buffer {
  return Buffer.from(JSON.stringify(plain({ from, seq, rules })));
}

/** null: it makes no sense. */
export function parseFigures(payload: Uint8Array): Figures | null {
  return figuresOf(parsed(payload));
}

export function encodeTable(table: readonly Figures[]): Buffer {
  return Buffer.from(JSON.stringify(table.map(plain)));
}

/** What makes no sense is left out; at most `limit`. */
export function parseTable(payload: Uint8Array, limit: number): readonly Figures[] {
  const table = parsed(payload);
  return Array.isArray(table) ? table.slice(0, limit).flatMap((one) => figuresOf(one) ?? []) : [];
}

function plain({ from, seq, rules }: Figures): unknown {
  const told = [...rules].slice(0, maxToldRules);
  return [from, seq, ...told.map(([key, { want, held }]) => [key, bounded(want), bounded(held)])];
}

function bounded(count: number): number {
  return Math.min(count, maxCount);
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return null;
  }
}

function figuresOf(value: unknown): Figures | null {
  if (!Array.isArray(value)) return null;
  const [from, seq, ...entries]: readonly unknown[] = value;
  if (typeof from !== "string" || from === "" || from.length > maxNameLength) return null;
  if (!isCount(seq, Number.MAX_SAFE_INTEGER) || entries.length > maxToldRules) return null;
  const rules = new Map<string, Figure>();
  for (const entry of entries) {
    if (!Array.isArray(entry)) return null;
    const [key, want, held]: readonly unknown[] = entry;
    if (typeof key !== "string" || !/^[0-9a-f]{8}$/.test(key)) return null;
    if (!isCount(want, maxCount) || !isCount(held, maxCount)) return null;
    rules.set(key, { want, held });
  }
  return { from, seq, rules };
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
}
