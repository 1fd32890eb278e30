// Text of others for people: a terminal shows it as it is, and obeys none of it.

/** C0 and C1 controls, separators of lines, and what turns the direction of the text around it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** In one line; what could move the cursor, set colours or hide text is escaped: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const digits = character.charCodeAt(0).toString(16);
    return digits.length <= 2 ? `\\x${digits.padStart(2, "0")}` : `\\u${digits}`;
  });
}
