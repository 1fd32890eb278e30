// npm run demo:mesh: three services, each behind a sidecar, and one place for the rules of all. Shows rules for all of them, a
// fault that ends with its owner, and the store stopped while traffic goes on; checks each, and leaves nothing behind.
// Exit code 1 when something was not as said. An argument names the store: etcd, consul or file.

import type { ChildProcess } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort, killAll, startNode, stopAll, until } from "../shop/processes.ts";
import { type Kind, kindHere, type Store, storeOf } from "./store.ts";

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const understudy = pathOf("../../bin/understudy.js");
const [rulesFile, faultFile] = [pathOf("./rules.yaml"), pathOf("./fault.yaml")];
const folder = mkdtempSync(join(tmpdir(), "understudy-mesh-"));
const deadlineMs = 90_000;
let failures = 0;

process.once("exit", () => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const tooLong = setTimeout(() => {
  console.log(`demo: did not end within ${deadlineMs / 1000} s`);
  process.exit(1);
}, deadlineMs);

try {
  const kind = (process.argv[2] as Kind | undefined) ?? kindHere();
  await (kind === "file" ? withFile() : withStore(kind));
} catch (problem) {
  failures += 1;
  console.log(`demo: ${problem instanceof Error ? problem.message : String(problem)}`);
} finally {
  await stopAll();
  clearTimeout(tooLong);
}
console.log(failures === 0 ? "\nAll as said." : `\n${failures} not as said.`);
process.exitCode = failures === 0 ? 0 : 1;

async function withStore(kind: "etcd" | "consul"): Promise<void> {
  console.log(`Three services, a sidecar beside each, the rules in ${kind}:`);
  const store = await storeOf(kind, folder);
  const running = store.start();
  const apply = ["rules", "apply", rulesFile, "--store", store.url, "--wait"];
  const shop = await openShop(["--store", store.url]);
  await passThrough(shop);

  title("2. Rules for all: understudy rules apply rules.yaml --store … --wait");
  await until("the store", 20_000, async () => (await command(["rules", "ls", "--store", store.url])) === 0);
  check("every sidecar runs them when the command ends", (await command(apply, true)) === 0, "exit code 0");
  const { text } = await ask(shop);
  check("the sale has begun", text.includes('"price":19'), text);

  await ownersFault(store, shop);
  await storeStopped(store, running, shop);
}

async function ownersFault(store: Store, shop: string): Promise<void> {
  title(`3. A fault that ends with its owner: rules apply fault.yaml --lease ${store.lease}`);
  const words = ["rules", "apply", faultFile, "--store", store.url, "--lease", store.lease];
  const owner = startNode([understudy, ...words], {}, () => undefined, "ignore");
  await until("the fault", 10_000, async () => (await ask(shop)).status === 503);
  check("the stock is down", true, "503");
  owner.kill("SIGKILL");
  const killedAt = performance.now();
  await until("the end of the fault", store.leaseMs + 5_000, async () => (await ask(shop)).status === 200);
  const seconds = ((performance.now() - killedAt) / 1_000).toFixed(1);
  check("its owner was killed by force, and the fault vanished", true, `after ${seconds} s`);
}

async function storeStopped(store: Store, running: ChildProcess, shop: string): Promise<void> {
  title("4. The store is stopped while traffic goes on");
  running.kill("SIGKILL");
  const [calls, well] = await callsFor(3_000, shop);
  check("every call was answered, by the rules as they were", well === calls, `${well} of ${calls}`);
  store.start();
  const rollback = ["rules", "rm", "sale", "--store", store.url];
  await until("the store", 20_000, async () => (await command(rollback)) === 0);
  await until("the end of the sale", 20_000, async () => (await ask(shop)).text.includes('"price":25'));
  check("it is back, and the sale that was taken out has ended", true, (await ask(shop)).text);
}

async function withFile(): Promise<void> {
  console.log(
    "Three services, a sidecar beside each; neither etcd nor consul is in PATH, so the rules are in a file:",
  );
  const file = join(folder, "rules.yaml");
  writeFileSync(file, "version: 1\nrules: []\n");
  const shop = await openShop(["--rules", file]);
  await passThrough(shop);

  title("2. Rules for all: the file is written");
  copyFileSync(rulesFile, file);
  await until("the sale", 10_000, async () => (await ask(shop)).text.includes('"price":19'));
  check("the sale has begun", true, (await ask(shop)).text);

  title("3. The file is spoilt while traffic goes on");
  writeFileSync(file, "version: 1\nrules: [{name: oops, respond: {status: 7}}]\n");
  const [calls, well] = await callsFor(2_000, shop);
  check("every call was answered, by the rules as they were", well === calls, `${well} of ${calls}`);
}

async function passThrough(shop: string): Promise<void> {
  title("1. No rules: the calls go through");
  const { text } = await ask(shop);
  check("shop, stock and price answered", text.includes('"stock":12') && text.includes('"price":25'), text);
}

/** The shop's URL, once it answers. */
async function openShop(rules: readonly string[]): Promise<string> {
  const stock = await openService("stock", { stock: 12 }, [], rules);
  const price = await openService("price", { price: 25 }, [], rules);
  const shop = await openService("shop", {}, [`${stock}/stock`, `${price}/price`], rules);
  await until("the shop", 20_000, async () => (await ask(shop)).status === 200);
  return shop;
}

/** A service and its sidecar; the sidecar's URL. */
async function openService(
  name: string,
  json: object,
  others: readonly string[],
  rules: readonly string[],
): Promise<string> {
  const [own, port] = [await freePort(), await freePort()];
  startNode([pathOf("./service.ts"), name, String(own), JSON.stringify(json), ...others], {}, console.log);
  const words = ["proxy", "--listen", `127.0.0.1:${port}`, "--to", `127.0.0.1:${own}`, "--admin", "off"];
  // The store may come after its sidecars: until it does they relay everything.
  const waiting = ["--quiet", "--service", name, "--state-dir", join(folder, name)];
  await until(`the rules of ${name}`, 30_000, () => opens([...words, ...waiting, ...rules], port));
  return `http://127.0.0.1:${port}`;
}

async function opens(words: readonly string[], port: number): Promise<boolean> {
  const sidecar = startNode([understudy, ...words], {}, () => undefined, "ignore");
  const ended = new Promise((resolve) => sidecar.once("exit", resolve));
  const open = until("its port", 15_000, async () => (await ask(`http://127.0.0.1:${port}`)).status > 0);
  const won = await Promise.race([open.then(() => true), ended.then(() => false)]);
  if (!won) open.catch(() => undefined);
  return won;
}

/** How many calls there were, and how many of them met the sale. */
async function callsFor(ms: number, shop: string): Promise<readonly [number, number]> {
  const endsAt = performance.now() + ms;
  let [calls, well] = [0, 0];
  while (performance.now() < endsAt) {
    calls++;
    const { status, text } = await ask(shop).catch(() => ({ status: 0, text: "" }));
    if (status === 200 && text.includes('"price":19')) well++;
    await delay(10);
  }
  return [calls, well];
}

/** Exit code of `understudy WORDS`. */
async function command(words: readonly string[], tell = false): Promise<number | null> {
  const onLine = (line: string) => tell && console.log(`    | ${line}`);
  const child = startNode([understudy, ...words], {}, onLine, tell ? "inherit" : "ignore");
  await new Promise((resolve) => child.once("exit", resolve));
  return child.exitCode;
}

async function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  return { status: response.status, text: await response.text() };
}

function title(text: string): void {
  console.log(`\n${text}`);
}

function check(what: string, holds: boolean, seen: string): void {
  if (!holds) failures += 1;
  console.log(`  ${holds ? "✔" : "✘"} ${what}: ${seen}`);
}
