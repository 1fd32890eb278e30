// The template helper of time: `{{now}}`, `{{now offset="-3d" format="yyyy-MM-dd'T'HH:mm"}}`. Always UTC.

import type { Clock } from "../../core/clock.ts";
import { type TemplateHelper, textOf } from "./template-helpers.ts";

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
/** The range of Date (ECMA-262 §21.4.1.1). */
const maxTimeMs = 8.64e15;

/**
 * `format`: `iso` (default), `http` (RFC 9110 §5.6.7), `unix` (seconds), `epoch` (milliseconds), or a pattern of
 * yyyy MM dd HH mm ss SSS with quoted text between apostrophes. `offset`: `-3d`, `+90m`, `1h30m`.
 */
export function timeHelpers(clock: Clock): Readonly<Record<string, TemplateHelper>> {
  return {
    now: (_args, { format, offset }) => {
      const at = clock.wall() + (offset === undefined ? 0 : offsetMs(textOf(offset)));
      if (!(Math.abs(at) <= maxTimeMs))
        throw new Error(`now: offset ${textOf(offset)} leads out of the calendar`);
      return formatTime(new Date(at), format === undefined ? "iso" : textOf(format));
    },
  };
}

function offsetMs(text: string): number {
  const found = /^([+-]?)((?:\d+(?:ms|[smhdw]))+)$/.exec(text.replaceAll(" ", ""));
  if (!found) throw new Error(`now: expected an offset such as -3d or 1h30m, got ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, count, unit] of (found[2] ?? "").matchAll(/(\d+)(ms|[smhdw])/g)) {
    total += Number(count) * (unitMs[unit ?? ""] ?? 0);
  }
  return found[1] === "-" ? -total : total;
}

function formatTime(time: Date, format: string): string {
  switch (format) {
    case "iso":
      return time.toISOString();
    case "http":
      return time.toUTCString();
    case "unix":
      return String(Math.floor(time.getTime() / 1000));
    case "epoch":
      return String(time.getTime());
    default:
      return byPattern(time, format);
  }
}

function byPattern(time: Date, pattern: string): string {
  const parts: Readonly<Record<string, string>> = {
    yyyy: String(time.getUTCFullYear()).padStart(4, "0"),
    MM: padded(time.getUTCMonth() + 1),
    dd: padded(time.getUTCDate()),
    HH: padded(time.getUTCHours()),
    mm: padded(time.getUTCMinutes()),
    ss: padded(time.getUTCSeconds()),
    SSS: String(time.getUTCMilliseconds()).padStart(3, "0"),
  };
  return pattern.replace(/'([^']*)'|yyyy|SSS|MM|dd|HH|mm|ss/g, (token, quoted: string | undefined) =>
    quoted === undefined ? (parts[token] ?? token) : quoted,
  );
}

function padded(value: number): string {
  return String(value).padStart(2, "0");
}
