// The suite of sources, run on a real file, a real Consul and a real etcd.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { fileSource } from "../../../../src/control/rules/sources/file.ts";
import { storeSource } from "../../../../src/control/rules/sources/store-source.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { systemRandom } from "../../../../src/core/random.ts";
import {
  eventually,
  lacks,
  type StoreCluster,
  type StoreKind,
  startCluster,
} from "../../../support/store-servers.ts";
import { type Fed, sourceSuite } from "./source-suite.ts";

const never = new AbortController().signal;

sourceSuite("file", false, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-source-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "rules.json");
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const source = fileSource(path, { clock: systemClock });
  return {
    source,
    async put(names, text = "x") {
      const rules = names.map((name) => ({ name, respond: { body: text } }));
      write(JSON.stringify({ version: 1, rules }));
    },
    spoil: async () => write("rules: nonsense"),
    lose: async () => rmSync(path),
    mend: async () => undefined,
  } satisfies Fed;
});

for (const kind of ["consul", "etcd"] as const) {
  const skip = lacks(kind);
  const shared: Promise<StoreCluster> = skip ? new Promise(() => undefined) : startCluster(kind, 1);
  after(async () => {
    if (!skip) await (await shared).close();
  });
  let feeds = 0;
  sourceSuite(kind, skip, async (context) => fedStore(kind, await shared, `s${++feeds}/`, context));
}

async function fedStore(
  kind: StoreKind,
  cluster: StoreCluster,
  prefix: string,
  context: TestContext,
): Promise<Fed> {
  const [store, writer] = [await cluster.client(), await cluster.client()];
  context.after(() => {
    store.close();
    writer.close();
  });
  const belonging = { service: null, namespace: null };
  const deps = { clock: systemClock, random: systemRandom, tap: { observe: () => undefined } };
  const source = storeSource({ store, prefix, belonging, lastGood: null }, deps);
  const [server] = cluster.servers;
  return {
    source,
    async put(names, text = "x") {
      const { keys } = await writer.read(prefix, never);
      const wanted = names.map((name) => ({
        put: prefix + name,
        value: JSON.stringify({ respond: { body: text } }),
      }));
      const gone = keys.filter(({ key }) => !names.includes(key.slice(prefix.length)));
      await writer.commit([], [...wanted, ...gone.map(({ key }) => ({ remove: key }))], never);
    },
    async spoil() {
      await writer.commit([], [{ put: `${prefix}wrong`, value: "respond: nonsense" }], never);
    },
    async lose() {
      await server?.kill();
      await eventually("the loss is noticed", () => !source.state().connected);
    },
    async mend() {
      server?.start();
      await cluster.ready();
      await eventually(`${kind} is back`, () => source.state().connected);
    },
  };
}
