// Earlier versions of the applied rules of one audience, as they lie beside the rules.

import type { KeyView } from "../kv/key-value-store.ts";
import { type Audience, folderOf, historyPrefix } from "./keys.ts";
import { type Manifest, readManifest } from "./manifest.ts";

export interface PastVersions {
  /** Ends in a slash. */
  readonly folder: string;
  /** Oldest first; also such as were never in force, since their writer was overtaken. */
  readonly manifests: readonly Manifest[];
  /** Keys of manifests, readable or not, by version. */
  readonly versions: readonly number[];
  /** By NAME@DIGEST. */
  readonly contents: ReadonlyMap<string, string>;
  /** 0: never written. */
  readonly sweepIndex: number;
}

/** `view`: of everything below the folder of the audience in `historyPrefix`. */
export function pastVersions(view: KeyView, prefix: string, audience: Audience): PastVersions {
  const folder = folderOf(historyPrefix(prefix), audience);
  const contents = new Map<string, string>();
  const manifests: Manifest[] = [];
  const versions: number[] = [];
  let sweepIndex = 0;
  for (const { key, value, index } of view.keys) {
    const [, part, name = ""] = /^(manifests|rules)\/([^/]+)$/.exec(key.slice(folder.length)) ?? [];
    if (part === "rules") contents.set(name, value);
    else if (part === "manifests" && /^\d{8,15}$/.test(name)) {
      const manifest = readManifest(value);
      versions.push(Number(name));
      if (manifest?.version === Number(name)) manifests.push(manifest);
    } else if (key === `${folder}sweep`) sweepIndex = index;
  }
  manifests.sort((a, b) => a.version - b.version);
  return { folder, manifests, versions, contents, sweepIndex };
}
