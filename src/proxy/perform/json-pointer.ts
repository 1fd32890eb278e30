// JSON Pointer (RFC 6901): the path of one value in a document.

/** Unescaped reference tokens; empty for the whole document. */
export type JsonPointer = readonly string[];

/** undefined where the text is no pointer: it neither is empty nor begins with `/`, or has a `~` that is no escape. */
export function parsePointer(text: string): JsonPointer | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  // RFC 6901 §4: ~1 first, or ~01 would wrongly become a slash.
  return text
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function formatPointer(pointer: JsonPointer): string {
  return pointer.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** RFC 6901 §4: digits without a leading zero. undefined for anything else. */
export function arrayIndex(token: string): number | undefined {
  return /^(?:0|[1-9]\d{0,8})$/.test(token) ? Number(token) : undefined;
}
