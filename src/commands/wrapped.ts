// Text for a terminal of 80 columns.

/** Columns of the narrowest terminal that is usual. */
export const terminalColumns = 80;

/** The words in lines of at most 80 columns, each indented; a word that is longer stands alone. */
export function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? `${indent}${word}` : `${line} ${word}`;
    if (longer.length > terminalColumns && line !== "") {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = longer;
  }
  return [...lines, line].join("\n");
}
