// A value as an error message shows it: one line, JSON-like, never longer than a glance.

const maxChars = 80;

/** `"fast"`, `12`, `{"a":[1,2]}`; `nothing` for undefined; cut with `…` after 80 characters, whatever the size of the value. */
export function printValue(value: unknown): string {
  const text = print(value, maxChars);
  return text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
}

function print(value: unknown, room: number): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, room));
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value)
    ? `[${joined(value, room, (item, left) => print(item, left))}]`
    : `{${joined(Object.entries(value), room, ([key, inner], left) => `${print(key, left)}:${print(inner, left)}`)}}`;
}

/** Stops as soon as the room is used up, so that a value of a million items costs no more than its first few. */
function joined<T>(items: readonly T[], room: number, show: (item: T, left: number) => string): string {
  let text = "";
  for (const item of items) {
    if (text.length > room) break;
    text += (text === "" ? "" : ",") + show(item, Math.max(0, room - text.length));
  }
  return text;
}
