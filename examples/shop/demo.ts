// npm run demo: a small shop with Understudy beside it. Shows a call that goes through, a mock, a delay, and new rules
// while it runs; checks each of them, and leaves nothing behind. Exit code 1 when something was not as said.
// Arguments go to understudy run: npm run demo -- --mode env

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, killAll, pathOf, startNode, stop, stopAll, until } from "./processes.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

const deadlineMs = 30_000;
const folder = mkdtempSync(join(tmpdir(), "understudy-demo-"));
const rulesFile = join(folder, "rules.yaml");
const rules = readFileSync(pathOf("./rules.yaml"), "utf8");
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
  await demo();
} catch (problem) {
  failures += 1;
  console.log(`demo: ${problem instanceof Error ? problem.message : String(problem)}`);
} finally {
  await stopAll();
  clearTimeout(tooLong);
}
console.log(failures === 0 ? "\nAll as said." : `\n${failures} not as said.`);
process.exitCode = failures === 0 ? 0 : 1;

async function demo(): Promise<void> {
  say(
    "A shop of four processes: storefront, payments, inventory, search. Understudy stands beside the storefront:",
  );
  say("  understudy run --rules rules.yaml -- node storefront.ts");
  const services = {
    payments: await startService("payments"),
    inventory: await startService("inventory"),
    search: await startService("search"),
  };
  writeFileSync(rulesFile, rules);
  const port = await freePort();
  const storefront = `http://127.0.0.1:${port}`;
  const run = [
    "run",
    ...process.argv.slice(2),
    "--rules",
    rulesFile,
    "--publish",
    String(port),
    "--",
    process.execPath,
    pathOf("./storefront.ts"),
  ];
  let open = false;
  const understudy = startNode(
    [pathOf("../../bin/understudy.js"), ...run],
    {
      PORT: String(port),
      PAYMENTS_URL: services.payments,
      INVENTORY_URL: services.inventory,
      SEARCH_URL: services.search,
    },
    (line) => {
      console.log(`    | ${line}`);
      open ||= line === "the storefront is open";
    },
  );
  await until("the storefront", 10_000, async () => open);

  await passThrough(storefront);
  await mock(storefront, services.payments);
  await delayFault(storefront, services.search);
  await reload(storefront);

  title("The shop closes");
  const code = await stop(understudy);
  check("the storefront's exit code came through", code === 0, `exit code ${code}`);
}

async function passThrough(storefront: string): Promise<void> {
  title("1. Nothing to do with any rule: the calls go through");
  const stock = await ask(`${storefront}/stock?item=lamp`);
  check(
    "the inventory itself answered, also to a client that is not Node",
    stock.text.includes('"stock":12'),
    stock.text,
  );
  const order = await ask(`${storefront}/orders?item=lamp`, "POST");
  check("a lamp for 40 was paid by the payment service", order.status === 201, describe(order));
}

async function mock(storefront: string, payments: string): Promise<void> {
  title("2. A mock: charges above 1000 are declined");
  const order = await ask(`${storefront}/orders?item=sofa`, "POST");
  check(
    "a sofa for 1200 was declined",
    order.status === 402 && order.text.includes("card_declined"),
    describe(order),
  );
  const { text } = await ask(`${payments}/v1/charges/count`);
  check("and the payment service has seen the lamp alone", text === '{"charges":1}', text);
}

async function delayFault(storefront: string, search: string): Promise<void> {
  title("3. A fault: the search is 400 ms late");
  const direct = await ask(`${search}/v1/search?q=lamp`);
  const found = await ask(`${storefront}/products?q=lamp`);
  check("the storefront waited", found.ms >= 400, `${found.ms} ms, the search itself took ${direct.ms} ms`);
  check("and got the real answer", found.text === direct.text, found.text);
}

async function reload(storefront: string): Promise<void> {
  title("4. New rules while it runs: the payment service is down, the search is well again");
  const mended = rules
    .slice(0, rules.indexOf("  # A fault"))
    .replace("status: 402", "status: 503")
    .replace("card_declined", "payments_down");
  writeFileSync(rulesFile, mended);
  await until(
    "the new rules",
    5_000,
    async () => (await ask(`${storefront}/orders?item=sofa`, "POST")).status === 503,
  );
  check("the same order now meets a payment service that is down", true, "503");
  const found = await ask(`${storefront}/products?q=sofa`);
  check("and the search is quick", found.ms < 400, `${found.ms} ms`);
}

async function startService(name: "payments" | "inventory" | "search"): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  startNode([pathOf(`./services/${name}.ts`)], { PORT: String(port) }, (line) =>
    console.log(`    ${name}: ${line}`),
  );
  await until(name, 10_000, async () => (await ask(url)).status === 404);
  return url;
}

async function ask(url: string, method = "GET"): Promise<Answer> {
  const startedAt = performance.now();
  const response = await fetch(url, { method, signal: AbortSignal.timeout(3_000) });
  const text = await response.text();
  return { status: response.status, text, ms: Math.round(performance.now() - startedAt) };
}

function describe({ status, text }: Answer): string {
  return `${status} ${text}`;
}

function say(text: string): void {
  console.log(text);
}

function title(text: string): void {
  console.log(`\n${text}`);
}

function check(what: string, holds: boolean, seen: string): void {
  if (!holds) failures += 1;
  console.log(`  ${holds ? "✔" : "✘"} ${what}: ${seen}`);
}
