// The files of the playground: its page, and GraphiQL with React as their packages ship them for browsers. A built package
// has copies of them beside this file; sources take them from node_modules. Nothing is read before somebody asks.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export interface PlaygroundFile {
  /** Under `/playground/`, and beside this file in a built package. */
  readonly name: string;
  readonly contentType: string;
  /** Where its package has it; null: it is our own. */
  readonly from: string | null;
}

const script = "text/javascript; charset=utf-8";
const style = "text/css; charset=utf-8";

export const playgroundFiles: readonly PlaygroundFile[] = [
  { name: "page.html", contentType: "text/html; charset=utf-8", from: null },
  { name: "page.css", contentType: style, from: null },
  { name: "start.js", contentType: script, from: null },
  { name: "graphiql.js", contentType: script, from: "graphiql/graphiql.min.js" },
  { name: "graphiql.css", contentType: style, from: "graphiql/graphiql.min.css" },
  { name: "react.js", contentType: script, from: "react/umd/react.production.min.js" },
  { name: "react-dom.js", contentType: script, from: "react-dom/umd/react-dom.production.min.js" },
];

/** Where the file is in node_modules. Throws where its package is not installed. */
export function sourceOf({ name, from }: PlaygroundFile): string {
  if (from === null) return fileURLToPath(new URL(name, import.meta.url));
  const [pkg = "", ...inside] = from.split("/");
  // By its package.json, because packages do not export the files that they ship for browsers.
  const manifest = createRequire(import.meta.url).resolve(`${pkg}/package.json`);
  return manifest.replace(/package\.json$/, inside.join("/"));
}

/** Rejects where neither a copy nor the package is there. */
export async function readPlaygroundFile(file: PlaygroundFile): Promise<Buffer> {
  try {
    return await readFile(new URL(file.name, import.meta.url));
  } catch {
    return readFile(sourceOf(file));
  }
}
