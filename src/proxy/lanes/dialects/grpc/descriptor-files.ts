// Descriptors from files: .proto sources with their imports, folders of them, and descriptor sets as protoc and buf write
// them. Read again only when a file has changed.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Root } from "protobufjs";
import { messageOf } from "../../../../core/errors.ts";
import { rootOfSet } from "./descriptor-set.ts";
import { loadProtobuf, type Schema, schemaOf } from "./schema.ts";

/** .proto files below one folder. */
const maxFiles = 5_000;
const maxFileBytes = 67_108_864;
/** Sets of descriptors kept at once. */
const maxKept = 16;

/** Descriptors that cannot be read; `index`: which of the paths. */
export class DescriptorProblem extends Error {
  readonly index: number;
  /** As long as these are as they are, so is the problem; null: it may end with a file that nobody knows yet. */
  readonly files: readonly string[] | null;

  constructor(index: number, message: string, files: readonly string[] | null) {
    super(message);
    this.index = index;
    this.files = files;
  }
}

/** An import that is nowhere: it may come to be in any of many places. */
class MissingImport extends Error {}

interface Kept {
  readonly found: Schema | DescriptorProblem;
  /** What the files looked like when they were read. */
  readonly stamp: string;
  readonly files: readonly string[];
}

/** Reads the descriptors behind absolute paths. The function throws DescriptorProblem. */
export function createDescriptorFiles(): (paths: readonly string[]) => Schema {
  const kept = new Map<string, Kept>();
  const keep = (key: string, found: Kept["found"], files: readonly string[]): void => {
    kept.delete(key);
    kept.set(key, { found, files, stamp: stampOf(files) });
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
  };
  return (paths) => {
    const key = paths.join("\0");
    const known = kept.get(key);
    if (known && known.stamp === stampOf(known.files)) return schemaOrThrow(known.found);
    try {
      const { schema, files } = read(paths);
      keep(key, schema, files);
      return schema;
    } catch (thrown) {
      // A thousand rules may name the same files: what is wrong with them is remembered like what is right.
      if (thrown instanceof DescriptorProblem && thrown.files) keep(key, thrown, thrown.files);
      throw thrown;
    }
  };
}

function schemaOrThrow(found: Kept["found"]): Schema {
  if (found instanceof DescriptorProblem) throw found;
  return found;
}

function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found ? `${found.mtimeMs}/${found.size}` : "gone";
    })
    .join();
}

function read(paths: readonly string[]): { readonly schema: Schema; readonly files: readonly string[] } {
  const { Root: NewRoot } = loadProtobuf();
  let root = new NewRoot();
  const folders = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  const files: string[] = [...folders];
  for (const [index, path] of paths.entries()) {
    try {
      const found = statSync(path);
      if (found.isDirectory()) {
        const sources = protoFilesIn(path);
        files.push(...new Set(sources.map((source) => dirname(source)))); // where others may come
        loadSources(root, sources, folders, files);
      } else if (found.size > maxFileBytes) throw new Error(`${path} is larger than ${maxFileBytes} bytes`);
      else if (path.endsWith(".proto")) loadSources(root, [path], folders, files);
      else {
        root = merged(root, setIn(path), paths.length);
        files.push(path);
      }
    } catch (thrown) {
      const seen = thrown instanceof MissingImport ? null : [...files, ...root.files, path];
      const why = `expected .proto files or a descriptor set: ${reasonOf(path, thrown)}`;
      throw new DescriptorProblem(index, why, seen);
    }
  }
  try {
    return { schema: schemaOf(root), files };
  } catch (thrown) {
    throw new DescriptorProblem(0, messageOf(thrown), files);
  }
}

function setIn(path: string): Root {
  const bytes = readFileSync(path);
  try {
    return rootOfSet(bytes);
  } catch (cause) {
    throw new Error(`${path} is neither (${messageOf(cause)})`, { cause });
  }
}

function reasonOf(path: string, thrown: unknown): string {
  const isMissing = thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
  return isMissing ? `nothing is at ${path}` : messageOf(thrown);
}

function protoFilesIn(folder: string): readonly string[] {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".proto"))
    .sort();
  if (found.length === 0) throw new Error(`${folder} holds no .proto file`);
  if (found.length > maxFiles) throw new Error(`${folder} holds more than ${maxFiles} .proto files`);
  return found.map((file) => join(folder, file));
}

function loadSources(
  root: Root,
  sources: readonly string[],
  roots: readonly string[],
  files: string[],
): void {
  const { common } = loadProtobuf();
  root.resolvePath = (origin, target) => {
    if (origin === "") return target;
    const found = importedFrom(origin, target, roots);
    if (found === null && common.get(target) === null)
      throw new MissingImport(
        `${origin} imports "${target}", which is found neither beside it nor in a folder of descriptors`,
      );
    return found ?? target;
  };
  try {
    root.loadSync([...sources], { keepCase: true });
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown instanceof MissingImport || "code" in thrown) throw thrown;
    // Files are noted when they are opened: the last one is that with the mistake.
    throw new Error(mistakeIn(root.files.at(-1) ?? "", thrown), { cause: thrown });
  }
  files.push(...root.files.filter((file) => !files.includes(file) && common.get(file) === null));
}

/** With its place, which the parser names in several ways or not at all. */
function mistakeIn(file: string, { name, message }: Error): string {
  // The parser trips over the end of a file where it expects more.
  if (name === "TypeError") return `${file}: it ends within a definition`;
  const [, text = message, line] = /^(.*) \((?:[^()]*, )?line (\d+)\)$/s.exec(message) ?? [];
  return line === undefined ? `${file}: ${text}` : `${file}:${line}: ${text}`;
}

/** An import starts at an import root; without one named, at any folder above the file that imports. */
function importedFrom(origin: string, target: string, roots: readonly string[]): string | null {
  const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  for (const root of roots) if (isFile(join(root, target))) return join(root, target);
  for (let folder = dirname(origin); ; folder = dirname(folder)) {
    if (isFile(join(folder, target))) return join(folder, target);
    if (dirname(folder) === folder) return null;
  }
}

function merged(root: Root, added: Root, count: number): Root {
  if (count === 1) return added;
  root.addJSON(added.toJSON().nested ?? {});
  return root;
}
