// npm run demo:mesh: three services, each behind a sidecar; the sidecars gossip, and have one place for the rules of all. Shows
// who is there, rules for all, every fault stopped at once, a fault that ends with its owner, the store stopped while traffic
// goes on, and a sidecar that dies; checks each, and leaves nothing behind. Exit code 1 when something was not as said. An
// argument names the store: etcd, consul or file.

import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startNode, until } from "../processes.ts";
import { type Show, show } from "../show.ts";
import { type Answer, openShop, type Shop, understudy } from "./services.ts";
import { type Kind, kindHere, storeOf } from "./store.ts";

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const [rulesFile, faultFile] = [pathOf("./rules.yaml"), pathOf("./fault.yaml")];

await show(120_000, async (stage) => {
  const kind = (process.argv[2] as Kind | undefined) ?? kindHere();
  await (kind === "file" ? withFile(stage) : withStore(stage, kind));
});

async function withStore(stage: Show, kind: "etcd" | "consul"): Promise<void> {
  const { title, check, folder } = stage;
  console.log(`Three services, a sidecar beside each, the rules in ${kind}, the sidecars in one mesh:`);
  const store = await storeOf(kind, folder);
  const running = store.start();
  await until("the store", 20_000, async () => (await command(["rules", "ls", "--store", store.url])) === 0);
  const shop = await openShop(["--store", store.url], folder);
  await passThrough(stage, shop);

  title("2. Rules for all: understudy rules apply rules.yaml --store … --wait");
  const apply = ["rules", "apply", rulesFile, "--store", store.url, "--wait", "--admin", shop.admin];
  check("every sidecar runs them when the command ends", (await command(apply, true)) === 0, "exit code 0");
  const { text } = await shop.ask();
  check("the sale has begun", text.includes('"price":19'), text);

  title(`3. A fault that a command brings: rules apply fault.yaml --lease ${store.lease}`);
  const words = ["rules", "apply", faultFile, "--store", store.url, "--lease", store.lease];
  const owner = startNode([understudy, ...words], {}, () => undefined, "ignore");
  await stopFaults(stage, shop);

  title("5. The command is killed by force");
  owner.kill("SIGKILL");
  const killedAt = performance.now();
  await until("the end of the fault", store.leaseMs + 5_000, async () => (await shop.ask()).status === 200);
  check("and its fault vanished", true, `after ${secondsSince(killedAt)}`);

  title("6. The store is stopped while traffic goes on");
  running.kill("SIGKILL");
  await goesOn(stage, shop);
  store.start();
  const remove = ["rules", "rm", "sale", "--store", store.url];
  await until("the store", 20_000, async () => (await command(remove)) === 0);
  await until("the end of the sale", 20_000, async () => (await shop.ask()).text.includes('"price":25'));
  check("it is back, and the sale that was taken out has ended", true, (await shop.ask()).text);

  title("7. The sidecar of the prices is killed by force");
  await sidecarDies(stage, shop);
}

async function withFile(stage: Show): Promise<void> {
  const { title, check, folder } = stage;
  console.log(
    "Three services, a sidecar beside each, the sidecars in one mesh. The rules are in a file, as without",
  );
  console.log("etcd or consul in PATH:");
  const file = join(folder, "rules.yaml");
  writeFileSync(file, "version: 1\nrules: []\n");
  const shop = await openShop(["--rules", file], folder);
  await passThrough(stage, shop);

  title("2. Rules for all: the file is written");
  copyFileSync(rulesFile, file);
  await until("the sale", 10_000, async () => isSale(await shop.ask()));
  check("the sale has begun", true, (await shop.ask()).text);

  title("3. A fault: the file is written again");
  copyFileSync(faultFile, file);
  await stopFaults(stage, shop);
  copyFileSync(rulesFile, file);
  await until("the sale", 10_000, async () => isSale(await shop.ask()));

  title("5. The file is spoilt while traffic goes on");
  writeFileSync(file, "version: 1\nrules: [{name: oops, respond: {status: 7}}]\n");
  await goesOn(stage, shop);

  title("6. The sidecar of the prices is killed by force");
  await sidecarDies(stage, shop);
}

async function passThrough({ title, check }: Show, shop: Shop): Promise<void> {
  title("1. No rules: the calls go through, and the sidecars know each other: understudy mesh status");
  const { text } = await shop.ask();
  check("shop, stock and price answered", text.includes('"stock":12') && text.includes('"price":25'), text);
  const status = ["mesh", "status", "--admin", shop.admin];
  await until("all three members", 10_000, async () => (await membersOf(shop)).length === 3);
  check("nobody is missing", (await command(status, true)) === 0, "exit code 0");
}

async function stopFaults({ title, check }: Show, shop: Shop): Promise<void> {
  const is = (status: number) => async () => (await shop.ask()).status === status;
  await until("the fault", 10_000, is(503));
  check("the stock is down", true, "503");

  title("4. Every fault stops at once, whatever the rules say: understudy faults stop");
  const toldAt = performance.now();
  const stopped = await command(["faults", "stop", "--admin", shop.admin], true);
  check("all sidecars say so", stopped === 0, `after ${secondsSince(toldAt)}`);
  const { status, text } = await shop.ask();
  check("the stock is there, though its rule still is", status === 200, text);
  const resumed = await command(["faults", "resume", "--admin", shop.admin], true);
  await until("the fault again", 10_000, is(503));
  check("and down again after understudy faults resume", resumed === 0, "503");
}

async function goesOn({ check }: Show, shop: Shop): Promise<void> {
  const endsAt = performance.now() + 3_000;
  let [calls, well] = [0, 0];
  while (performance.now() < endsAt) {
    calls++;
    if (isSale(await shop.ask().catch(() => ({ status: 0, text: "" })))) well++;
    await delay(10);
  }
  check("every call was answered, by the rules as they were", well === calls, `${well} of ${calls}`);
}

function isSale({ status, text }: Answer): boolean {
  return status === 200 && text.includes('"price":19');
}

async function sidecarDies({ check }: Show, shop: Shop): Promise<void> {
  shop.killPrice();
  const killedAt = performance.now();
  await until("the others", 30_000, async () => (await membersOf(shop)).includes("price failed"));
  check("the others have seen it", true, `after ${secondsSince(killedAt)}`);
  const code = await command(["mesh", "status", "--admin", shop.admin], true);
  check("and understudy mesh status says so", code === 1, `exit code ${code}`);
}

/** `NAME STATUS` of each, as the shop's sidecar knows them. */
async function membersOf(shop: Shop): Promise<readonly string[]> {
  const response = await fetch(`http://${shop.admin}/mesh`, { signal: AbortSignal.timeout(3_000) });
  const { members } = (await response.json()) as { members: { name: string; status: string }[] };
  return members.map(({ name, status }) => `${name} ${status}`);
}

/** Exit code of `understudy WORDS`. */
async function command(words: readonly string[], tell = false): Promise<number | null> {
  const onLine = (line: string) => tell && console.log(`    | ${line}`);
  const child = startNode([understudy, ...words], {}, onLine, "lines");
  await new Promise((resolve) => child.once("close", resolve));
  return child.exitCode;
}

function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
}
