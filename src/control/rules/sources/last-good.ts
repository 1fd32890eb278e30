// The last good rules of a store on disk, for a start while the store is away. Written aside and renamed, so that a crash
// leaves the old copy or the new one. Rules that belong to an owner are not kept: nobody could say whether the owner lives.

import { createHash } from "node:crypto";
import { open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { makeFolder } from "../../../core/make-folder.ts";
import type { StoredRule } from "../registry/stored-rules.ts";

const maxBytes = 64 * 1024 * 1024;

const copy = z.strictObject({
  format: z.literal(1),
  /** Which store, prefix and audience. */
  of: z.string(),
  savedAtMs: z.number(),
  rules: z.array(z.strictObject({ place: z.string(), name: z.string(), text: z.string() })),
});

export interface LastGood {
  /** null: no copy, or none that can be used. */
  load(): Promise<{ readonly rules: readonly StoredRule[]; readonly savedAtMs: number } | null>;
  /** Rejects where the disk does. */
  save(rules: readonly StoredRule[], savedAtMs: number): Promise<void>;
}

/** `of`: names the store, the prefix and the audience; each has a file of its own in `folder`. */
export function lastGoodIn(folder: string, of: string): LastGood {
  const file = join(folder, `rules-${createHash("sha256").update(of).digest("hex").slice(0, 16)}.json`);
  return {
    async load() {
      try {
        if ((await stat(file)).size > maxBytes) return null;
        const { data } = copy.safeParse(JSON.parse(await readFile(file, "utf8")));
        if (data?.of !== of) return null;
        return { rules: data.rules.map((rule) => ({ ...rule, leaseMs: null })), savedAtMs: data.savedAtMs };
      } catch {
        return null; // none yet, or one that a failing disk has spoilt
      }
    },
    async save(rules, savedAtMs) {
      const kept = rules.filter(({ leaseMs }) => leaseMs === null);
      const text = JSON.stringify({
        format: 1,
        of,
        savedAtMs,
        rules: kept.map(({ place, name, text }) => ({ place, name, text })),
      });
      await makeFolder(folder);
      await writeDurably(file, text);
    },
  };
}

async function writeDurably(file: string, text: string): Promise<void> {
  const aside = `${file}.new`;
  const handle = await open(aside, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(aside, file);
}
