// Rules that were read before, kept beside the compiled code of the program: a start with the same files needs no process
// that reads them. What is kept is the outcome of a function of the key, which covers all that goes into it: the code that
// reads, the path, every byte of the files. It is believed only where nobody but this user can have written it, and whatever
// is the matter with it, the rules are read as if there were nothing.

import { createHash, randomUUID } from "node:crypto";
import { constants, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { deserialize, serialize } from "node:v8";
import { makeFolderSync } from "../../../core/make-folder.ts";
import type { RuleSpec } from "../../../core/rule.ts";
import { readRuleFiles, sizeOfRuleFiles } from "../rule-files.ts";
import { SharedParts } from "./shared-parts.ts";

/** Bytes of rule files; larger ones take longer to read than a process to start. */
const maxReadBytes = 4 * 1024 * 1024;
/** Bytes of kept rules, and of them together. */
const maxKeptBytes = 8 * 1024 * 1024;
const maxKept = 32;
/** SHA-256 of the name and of what follows. */
const sealBytes = 32;
/** Rules may hold secrets. */
const ownerOnly = 0o600;

export interface KeptDeps {
  /** Where they are kept: a folder of this user, of this version of Node. */
  readonly folder: string;
  /** The code that reads rules, all in one file. */
  readonly program: string;
  /** The user that the kept files must belong to. */
  readonly uid: number;
}

export interface Kept {
  readonly rules: readonly RuleSpec[];
  readonly digest: string;
}

/** The rules of the files at `path`, if they were read before; else null. Never rejects. */
export async function findKept(path: string, deps: KeptDeps): Promise<Kept | null> {
  try {
    if ((await sizeOfRuleFiles(path, ".")) > maxReadBytes) return null;
    const { digest, problems } = await readRuleFiles(path, ".");
    if (problems.length > 0) return null;
    const name = nameOf(path, digest, await readFile(deps.program));
    const sealed = await readOwn(join(deps.folder, name), deps.uid);
    const body = sealed.subarray(sealBytes);
    if (!sealOf(name, body).equals(sealed.subarray(0, sealBytes))) return null;
    // Sealed, and written by `keep` of this very program: it is what that was given.
    return { rules: deserialize(body) as RuleSpec[], digest };
  } catch {
    return null; // nothing kept, or nothing that could be believed
  }
}

/**
 * Keeps what was read at `path`. Throws where that cannot be done. At once, since whoever asked for it may be gone the
 * moment after.
 */
export function keep(path: string, kept: Kept, deps: Omit<KeptDeps, "uid">): void {
  const parts = new SharedParts();
  const rules = kept.rules.map((rule) => ({ ...rule }));
  for (const rule of rules) parts.share(rule);
  const body = serialize(rules);
  if (body.length + sealBytes > maxKeptBytes) return;
  const name = nameOf(path, kept.digest, readFileSync(deps.program));
  const file = join(deps.folder, name);
  makeFolderSync(deps.folder);
  // Under a name of its own until it is whole; two that keep the same at once write the same.
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, Buffer.concat([sealOf(name, body), body]), { mode: ownerOnly, flag: "wx" });
  renameSync(draft, file);
  sweep(deps.folder);
}

/** Covers all that decides what is read: names of files follow from the path and the digest. */
function nameOf(path: string, digest: string, program: Buffer): string {
  const hash = createHash("sha256").update(program);
  for (const part of [path, resolve(path), digest]) hash.update(`\0${part}`);
  return hash.digest("hex");
}

/** With the name, so that one file cannot stand in for another. */
function sealOf(name: string, body: Buffer): Buffer {
  return createHash("sha256").update(name).update(body).digest();
}

/** Rejects where it is missing, a link, too large, or open to others. */
async function readOwn(path: string, uid: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const found = await file.stat();
    const isOwn = found.isFile() && found.uid === uid && (found.mode & 0o077) === 0;
    if (!isOwn || found.size > maxKeptBytes) throw new Error(`${path}: expected a file of our own`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Leaves the newest ones. */
function sweep(folder: string): void {
  const files = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return { path, writtenAt: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
  });
  files.sort((a, b) => b.writtenAt - a.writtenAt);
  for (const { path } of files.slice(maxKept)) rmSync(path, { force: true });
}
