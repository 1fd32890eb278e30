// The files of rules behind a path: the path itself, or what lies in the folder. Read whole, with a digest of the content
// and a signature that tells cheaply whether anything has changed since.

import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream } from "node:fs";
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Problem } from "../../core/rule-source.ts";
import { writtenText } from "../../core/written-text.ts";

const maxFiles = 4_096;
const maxFileBytes = 256 * 1024 * 1024;

export interface RuleFile {
  /** As problems name it: the path as it was given, with the file's name added where that is a folder. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

export interface RuleFiles {
  readonly files: readonly RuleFile[];
  /** What could not be read. */
  readonly problems: readonly Problem[];
  /** Equal for equal content. */
  readonly digest: string;
}

interface Listed {
  readonly name: string;
  readonly path: string;
}

type Listing = { readonly listed: readonly Listed[] } | { readonly problem: Problem };

/** Reads what lies at `path` (seen from `base`). Folders: `*.yaml *.yml *.json` in name order; no hidden ones, no subfolders. */
export async function readRuleFiles(path: string, base: string): Promise<RuleFiles> {
  const listing = await list(path, base);
  const files: RuleFile[] = [];
  const problems: Problem[] = "problem" in listing ? [listing.problem] : [];
  const hash = createHash("sha256");
  for (const { name, path: absolute } of "listed" in listing ? listing.listed : []) {
    const text = await readText(absolute);
    // A folder that changes meanwhile, as under a checkout, is no mistake.
    if (typeof text !== "string" && name !== path && (await isGone(absolute))) continue;
    if (typeof text === "string") files.push({ name, path: absolute, text });
    else problems.push({ place: placeIn(name, text.line), path: "", message: text.message });
    hash.update(`${basename(name)}\0${typeof text === "string" ? text : text.message}\0`);
  }
  for (const { place, message } of problems) hash.update(`${basename(place)}\0${message}\0`);
  return { files, problems, digest: hash.digest("hex") };
}

function placeIn(name: string, line: number | undefined): string {
  return line === undefined ? name : `${name}:${line}`;
}

/** Bytes of the files at `path`, as far as they can be seen. */
export async function sizeOfRuleFiles(path: string, base: string): Promise<number> {
  const listing = await list(path, base);
  const sizes = ("listed" in listing ? listing.listed : []).map(async (one) => {
    const found = await statOf(one.path);
    return "message" in found ? 0 : Number(found.size);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function list(path: string, base: string): Promise<Listing> {
  const absolute = resolve(base, path);
  const refuse = (message: string): Listing => ({ problem: { place: path, path: "", message } });
  const found = await statOf(absolute);
  if ("message" in found) return refuse(`expected a rules file or a folder of them, got ${found.message}`);
  if (!found.isDirectory()) return { listed: [{ name: path, path: absolute }] };
  let names: readonly string[];
  try {
    names = (await readdir(absolute)).filter(isRuleFileName).sort();
  } catch (thrown) {
    return refuse(`expected a folder that can be read, got ${reasonOf(thrown)}`);
  }
  if (names.length > maxFiles) return refuse(`expected at most ${maxFiles} rules files, got ${names.length}`);
  const listed: Listed[] = [];
  for (const name of names) {
    const entry = await statOf(join(absolute, name));
    const isFolder = !("message" in entry) && entry.isDirectory();
    if (!isFolder) listed.push({ name: join(path, name), path: join(absolute, name) });
  }
  return { listed };
}

/** Whether a file of that name in a folder holds rules. */
export function isRuleFileName(name: string): boolean {
  return /\.(?:yaml|yml|json)$/.test(name) && !name.startsWith(".");
}

async function readText(
  path: string,
): Promise<string | { readonly line?: number; readonly message: string }> {
  const found = await statOf(path);
  if ("message" in found) return { message: `expected a file that can be read, got ${found.message}` };
  // A pipe or a device could keep us reading for ever.
  if (!found.isFile()) return { message: "expected a file, got something else" };
  if (found.size > maxFileBytes)
    return { message: `expected at most ${maxFileBytes} bytes, got ${found.size}` };
  try {
    return writtenText(await readFile(path));
  } catch (thrown) {
    return { message: `expected a file that can be read, got ${reasonOf(thrown)}` };
  }
}

/** Follows links; a circle of them is an error like any other. */
async function statOf(path: string): Promise<BigIntStats | { readonly message: string }> {
  try {
    return await stat(path, { bigint: true });
  } catch (thrown) {
    return { message: reasonOf(thrown) };
  }
}

/** False for a link that leads nowhere. */
async function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (thrown) => thrown.code === "ENOENT",
  );
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "nothing there (ENOENT)",
  EACCES: "no permission to read it (EACCES)",
  ELOOP: "a circle of links (ELOOP)",
};

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
  return reasons[code] ?? code;
}

/** Changes whenever a file behind `path`, or one of `others`, is written, replaced, made or removed. */
export async function signatureOf(path: string, base: string, others: readonly string[]): Promise<string> {
  const listing = await list(path, base);
  const paths = "listed" in listing ? listing.listed.map((one) => one.path) : [];
  const parts = "problem" in listing ? [listing.problem.message] : [];
  for (const one of [...paths, ...others]) {
    const found = await statOf(one);
    parts.push(
      "message" in found
        ? found.message
        : [one, found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(":"),
    );
  }
  return parts.join("\n");
}

/** Digest of the content of files that rules answer with; a missing file has a digest of its own. */
export async function digestOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    hash.update(`${path}\0${await contentDigest(path)}\0`);
  }
  return hash.digest("hex");
}

/** What can not be read is the planner's to report; here it only has to differ from what could. */
async function contentDigest(path: string): Promise<string> {
  const found = await statOf(path);
  if ("message" in found) return found.message;
  if (!found.isFile() || found.size > maxFileBytes) return `${found.size}:${found.mtimeNs}`;
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  } catch (thrown) {
    return reasonOf(thrown);
  }
  return hash.digest("hex");
}
