// Bundles the program for its package: a few dozen files instead of hundreds, since a module costs a start 0.5 ms and the
// memory 15 KB. What is imported lazily stays in files of its own, and every bundle shares them: one class stays one class.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { build, type Metafile, type OutputFile, type Plugin } from "esbuild";

/** Sources that are started or loaded by their path, so they keep their names and places: the rest is imported. */
export const entries = ["main.ts", "index.ts", "proxy/lanes/dialects/graphql/dialect.ts"] as const;
/**
 * Bundled without a share in the others. Each runs by itself, in a process or thread of its own, and starts the sooner the
 * fewer files it is; the script of a GraphQL mock may read no file but its own.
 */
export const aloneEntries = [
  "control/mesh/worker/entry.ts",
  "control/rules/reader/entry.ts",
  "proxy/accept/namespace/entry.ts",
  "proxy/lanes/dialects/graphql/mock/script/entry.ts",
] as const;

/** Packages that go into the bundles, for most of their weight is nothing that we use. The others stay imports. */
export const bundledPackages = ["yaml", "zod"] as const;

export interface Bundled {
  /** Relative to the folder of the output. */
  readonly files: readonly string[];
  /** The packages of which anything went in. */
  readonly packages: readonly string[];
}

/** Writes the bundles of the sources in `from` into `into`. Rejects where they do not bundle; esbuild has told why. */
export async function bundle(from: string, into: string): Promise<Bundled> {
  const shared = await bundleOf(entries, from, into, true);
  const alone = await bundleOf(aloneEntries, from, into, false);
  const files = [...shared.files, ...alone.files];
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, placed(text, path, into));
  }
  return {
    files: files.map(({ path }) => relative(into, path)),
    packages: [...new Set([...packagesIn(shared.metafile), ...packagesIn(alone.metafile)])].sort(),
  };
}

async function bundleOf(
  names: readonly string[],
  from: string,
  into: string,
  splitting: boolean,
): Promise<{ readonly files: readonly OutputFile[]; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    entryPoints: names.map((name) => join(from, name)),
    outbase: from,
    outdir: into,
    absWorkingDir: from,
    bundle: true,
    splitting,
    format: "esm",
    platform: "node",
    target: "node24",
    chunkNames: "parts/[name]-[hash]",
    metafile: true,
    write: false,
    plugins: [placesOf(from), externalsBut(bundledPackages)],
  });
  return { files: outputFiles, metafile };
}

const mark = "place:";

/** A bundled source goes on seeing the place that it would have unbundled: from there it finds what lies beside it. */
function placesOf(from: string): Plugin {
  return {
    name: "places",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!path.startsWith(from)) return null;
        const text = builtinsTaken(readFileSync(path, "utf8"));
        const place = relative(from, path).split(sep).join("/").replace(/\.ts$/, ".js");
        const url = `new URL(${JSON.stringify(mark + place)}, import.meta.url).href`;
        return { contents: text.replaceAll("import.meta.url", url), loader: "ts" };
      });
    },
  };
}

/**
 * Where a part of Node is imported as a module, each of its getters is called to find out what it exports, and loads
 * whatever lies behind it: 30 ms of a start. Taken by its name it gives what is asked for.
 */
export function builtinsTaken(source: string): string {
  return source.replaceAll(
    /^import \{([^}]*)\} from ("node:[^"]+");/gm,
    (_all, imported: string, part: string) => {
      const names = imported.split(",").map((name) => name.trim());
      const values = names.filter((name) => name !== "" && !name.startsWith("type "));
      const taken = values.map((name) => name.replace(/ as /, ": ")).join(", ");
      return `const { ${taken} } = globalThis.process.getBuiltinModule(${part});`;
    },
  );
}

/** Only when all is bundled it is known which file a source went into, and so the way from there to its own place. */
function placed(text: string, path: string, into: string): string {
  return text.replaceAll(new RegExp(`"${mark}([^"]+)"`, "g"), (_all, place: string) => {
    const way = relative(dirname(path), join(into, place)).split(sep).join("/");
    return JSON.stringify(way.startsWith(".") ? way : `./${way}`);
  });
}

/** What is installed beside the program stays an import, but for the packages named. */
function externalsBut(inside: readonly string[]): Plugin {
  return {
    name: "externals",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (isBuiltin(path)) {
          return kind === "require-call" ? { path, namespace: "builtin" } : { path, external: true };
        }
        const isInside = inside.some((name) => path === name || path.startsWith(`${name}/`));
        return kind === "entry-point" || isInside ? null : { path, external: true };
      });
      // A bundled CommonJS package has no `require` any more.
      onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({
        contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      }));
    },
  };
}

function packagesIn({ inputs }: Metafile): readonly string[] {
  return Object.keys(inputs).flatMap(
    (input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [],
  );
}
