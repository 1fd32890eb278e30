// Durations and sizes as people write them: `30s`, `1h30m`, `64KiB`. Shared by the config file, flags and rules.

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationText = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const durationPart = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1_000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 1_024,
  mib: 1_048_576,
  gib: 1_073_741_824,
};
const sizeText = /^(\d+(?:\.\d+)?) ?([kmg]i?b|b)?$/i;

/**
 * Milliseconds of `250ms`, `1.5s`, `2m`, `1h30m`, `7d` or `0`; undefined where the text is anything else. Every
 * number but 0 needs its unit, the larger unit comes first and none comes twice, so that a slip does not pass for a
 * duration.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (text.length > 64 || !durationText.test(text)) return undefined;
  let total = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const [, amount, unit] of text.matchAll(durationPart)) {
    const factor = unitMs[unit as keyof typeof unitMs]; // the pattern admits these units alone
    if (factor >= smallest) return undefined;
    smallest = factor;
    total += Number(amount) * factor;
  }
  return Number.isSafeInteger(Math.ceil(total)) ? total : undefined;
}

/** The shortest text that `parseDuration` reads back as the same number of milliseconds: `1m30s`, `0.5ms`, `0`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0";
  let text = "";
  let left = durationMs;
  for (const [unit, factor] of [...Object.entries(unitMs)].reverse()) {
    const amount = unit === "ms" ? left : Math.floor(left / factor);
    if (amount === 0) continue;
    text += `${amount}${unit}`;
    left -= amount * factor;
  }
  return text;
}

/**
 * Whole bytes of `512`, `512B`, `64KiB` (1,024) or `64kB` (1,000), up to GiB; units without regard to case. undefined
 * where the text is anything else, or names a part of a byte.
 */
export function parseSize(text: string): number | undefined {
  const found = text.length > 64 ? null : sizeText.exec(text);
  if (!found) return undefined;
  const bytes = Number(found[1]) * (unitBytes[(found[2] ?? "").toLowerCase()] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact text: `64KiB`, `1MiB`, `1000B`. `parseSize` reads it back as the same number. */
export function formatSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const factor = unitBytes[unit.toLowerCase()] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}
