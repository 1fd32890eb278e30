// The shop's own program, which knows nothing of Understudy: it takes orders and calls the three services, payments over
// HTTPS, the inventory over gRPC, and the search through curl (or python3), as shops with a past do.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { openInventory } from "./services/inventory-api.ts";
import { serve } from "./services/service.ts";

const payments = process.env.PAYMENTS_URL ?? "https://payments.shop";
const inventory = openInventory(process.env.INVENTORY_ADDRESS ?? "inventory.shop:50051");
const search = process.env.SEARCH_URL ?? "http://search.shop";
const prices = new Map([
  ["lamp", 40],
  ["sofa", 1200],
]);
const pythonGet = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())";

serve(
  async (call, query) => {
    const item = query.get("item") ?? "";
    if (call === "GET /products") return [200, await productsFor(query.get("q") ?? "")];
    if (call === "GET /stock") return [200, await inventory.getStock(item)];
    if (call === "POST /orders") return order(item);
    return [404, { error: "not_found" }];
  },
  () => console.error("the storefront is open"),
);

async function order(item: string): Promise<readonly [number, unknown]> {
  const response = await fetch(`${payments}/v1/charges`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ amount: prices.get(item), currency: "eur" }),
  });
  return [response.status, { item, payment: await response.json() }];
}

/** Whatever program is here makes the call. */
async function productsFor(query: string): Promise<unknown> {
  const url = `${search}/v1/search?q=${encodeURIComponent(query)}`;
  for (const [client, ...args] of [
    ["curl", "-sf", "--max-time", "5", url],
    ["python3", "-c", pythonGet, url],
  ] as const) {
    try {
      const { stdout } = await promisify(execFile)(client, args);
      return { ...JSON.parse(stdout), client };
    } catch {
      // Not installed: the next one.
    }
  }
  return { ...Object(await (await fetch(url)).json()), client: "fetch" };
}
