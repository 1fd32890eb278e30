// Bytes recorded from real agents, by name.

import { readFileSync } from "node:fs";

const recorded = JSON.parse(
  readFileSync(new URL("./gossip-vectors.json", import.meta.url), "utf8"),
) as Readonly<Record<string, string>>;

/** The recorded bytes. Throws where nothing has that name. */
export function vector(name: string): Buffer {
  const hex = recorded[name];
  if (hex === undefined) throw new Error(`no recorded bytes named ${name}`);
  return Buffer.from(hex, "hex");
}

/** Names that end in one of the kinds, `ping` or `raw-stream` say. */
export function vectorsOf(kind: string): readonly string[] {
  return Object.keys(recorded).filter((name) => name.endsWith(`.${kind}`));
}
