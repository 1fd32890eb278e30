// The three services of the demo, each behind a sidecar of its own, and all sidecars in one mesh.

import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, startNode, until } from "../processes.ts";

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** What a user types as `understudy`. */
export const understudy = pathOf("../../bin/understudy.js");

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Shop {
  ask(): Promise<Answer>;
  /** `ADDR:PORT` of the sidecar of the shop itself. */
  readonly admin: string;
  /** Ends the sidecar of the prices by force. */
  killPrice(): void;
}

/** A sidecar that serves. */
interface Beside {
  readonly url: string;
  readonly admin: string;
  readonly gossip: string;
  readonly process: ChildProcess;
}

/** `rules`: the flags that say where the rules lie. Resolves once the shop answers through all three. */
export async function openShop(rules: readonly string[], folder: string): Promise<Shop> {
  const key = join(folder, "mesh.key");
  writeFileSync(key, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  const flags = ["--gossip-key", key, ...rules];
  const stock = await openService("stock", [{ stock: 12 }], flags, folder);
  const joining = ["--join", stock.gossip, ...flags];
  const price = await openService("price", [{ price: 25 }], joining, folder);
  const shop = await openService("shop", [{}, `${stock.url}/stock`, `${price.url}/price`], joining, folder);
  const ask = () => askOf(shop.url);
  await until("the shop", 20_000, async () => (await ask()).status === 200);
  return { ask, admin: shop.admin, killPrice: () => void price.process.kill("SIGKILL") };
}

/** `answer`: what it says itself, and whom it asks for the rest. */
async function openService(
  name: string,
  [json, ...others]: readonly [object, ...string[]],
  flags: readonly string[],
  folder: string,
): Promise<Beside> {
  const own = await freePort();
  startNode([pathOf("./service.ts"), name, String(own), JSON.stringify(json), ...others], {}, console.log);
  for (let left = 2; ; left--) {
    const beside = await openSidecar(name, own, flags, folder);
    if (beside !== null) return beside;
    if (left === 0) throw new Error(`the sidecar of ${name} ended at once, three times`);
  }
}

/** null: it has ended, as it does where somebody took one of its ports before it could. */
async function openSidecar(
  name: string,
  own: number,
  flags: readonly string[],
  folder: string,
): Promise<Beside | null> {
  const [listen, admin, gossip] = [await localAddress(), await localAddress(), await localAddress()];
  const words = [
    ...["proxy", "--listen", listen, "--to", `127.0.0.1:${own}`, "--admin", admin, "--quiet"],
    ...["--gossip", gossip, "--name", name, "--service", name, "--state-dir", join(folder, name), ...flags],
  ];
  const url = `http://${listen}`;
  const process = startNode([understudy, ...words], {}, () => undefined, "ignore");
  const hasEnded = () => process.exitCode !== null;
  await until(`the sidecar of ${name}`, 15_000, async () => hasEnded() || (await askOf(url)).status > 0);
  return hasEnded() ? null : { url, admin, gossip, process };
}

async function localAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}

async function askOf(url: string): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  return { status: response.status, text: await response.text() };
}
