// What a change of the rules would do: rules that come, go and change, and the lines in which they differ.

import type { DesiredRule } from "./registry.ts";

export interface RuleDiff {
  readonly added: readonly DesiredRule[];
  readonly removed: readonly DesiredRule[];
  readonly changed: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  /** Rules that stay as they are. */
  readonly same: number;
  /** The rules that stay are tried in another order. */
  readonly reordered: boolean;
}

export function diffRules(before: readonly DesiredRule[], after: readonly DesiredRule[]): RuleDiff {
  const old = new Map(before.map((rule) => [rule.name, rule.text]));
  const names = new Set(after.map(({ name }) => name));
  const kept = after.filter(({ name }) => old.has(name));
  const changed = kept.flatMap(({ name, text }) => {
    const was = old.get(name) ?? "";
    return was === text ? [] : [{ name, before: was, after: text }];
  });
  const stayed = before.filter(({ name }) => names.has(name));
  return {
    added: after.filter(({ name }) => !old.has(name)),
    removed: before.filter(({ name }) => !names.has(name)),
    changed,
    same: kept.length - changed.length,
    reordered: stayed.some(({ name }, index) => kept[index]?.name !== name),
  };
}

export function isEmpty({ added, removed, changed, reordered }: RuleDiff): boolean {
  return added.length + removed.length + changed.length === 0 && !reordered;
}

/** Line pairs that are compared at most; beyond that a text is shown as replaced whole. */
const maxPairs = 4_000_000;

/** Every line of both texts, with `-` (gone), `+` (new) or a space before it. */
export function diffLines(before: string, after: string): readonly string[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  if (a.length * b.length > maxPairs) return [...a.map((line) => `-${line}`), ...b.map((line) => `+${line}`)];
  const common = longestCommon(a, b);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const lengthAt = (x: number, y: number) => common[x * (b.length + 1) + y] ?? 0;
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(` ${a[i]}`);
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && lengthAt(i + 1, j) >= lengthAt(i, j + 1)))
      lines.push(`-${a[i++]}`);
    else lines.push(`+${b[j++]}`);
  }
  return lines;
}

/** Length of the longest common subsequence of what follows each pair of lines, row by row. */
function longestCommon(a: readonly string[], b: readonly string[]): Uint32Array {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const [diagonal, below, right] = [
        lengths[(i + 1) * width + j + 1],
        lengths[(i + 1) * width + j],
        lengths[i * width + j + 1],
      ];
      lengths[i * width + j] = a[i] === b[j] ? (diagonal ?? 0) + 1 : Math.max(below ?? 0, right ?? 0);
    }
  }
  return lengths;
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
