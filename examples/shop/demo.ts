// npm run demo: a small shop with Understudy beside it. Shows calls that go through, mocks over HTTPS and gRPC, a delay, and
// new rules while it runs; checks each of them, and leaves nothing behind. Exit code 1 when something was not as said.
// Arguments go to understudy run: npm run demo -- --mode env

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, isListening, startNode, stop, until } from "../processes.ts";
import { type Show, show } from "../show.ts";
import { makeCertificate } from "./certificate.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const rules = readFileSync(pathOf("./rules.yaml"), "utf8");

await show(30_000, demo);

async function demo(stage: Show): Promise<void> {
  const { folder, title, check } = stage;
  const rulesFile = join(folder, "rules.yaml");
  console.log(
    "A shop of four processes: a storefront, and what it calls: payments over HTTPS, the inventory over gRPC,",
  );
  console.log("the search over HTTP. Understudy stands beside the storefront:");
  console.log("  understudy run --rules rules.yaml -- node storefront.ts");
  const { certificate, key } = await makeCertificate(folder);
  const ports = {
    payments: await startService("payments", { TLS_CERTIFICATE: certificate, TLS_KEY: key }),
    inventory: await startService("inventory"),
    search: await startService("search"),
  };
  const search = `http://127.0.0.1:${ports.search}`;
  cpSync(pathOf("./services/shop.proto"), join(folder, "services/shop.proto"), { recursive: true });
  writeFileSync(rulesFile, rules);
  const port = await freePort();
  const storefront = `http://127.0.0.1:${port}`;
  const run = ["run", ...process.argv.slice(2), "--rules", rulesFile, "--publish", String(port)];
  let open = false;
  let reloaded = false;
  const understudy = startNode(
    [pathOf("../../bin/understudy.js"), ...run, "--", process.execPath, pathOf("./storefront.ts")],
    {
      PORT: String(port),
      PAYMENTS_URL: `https://localhost:${ports.payments}`,
      INVENTORY_ADDRESS: `127.0.0.1:${ports.inventory}`,
      SEARCH_URL: search,
      NODE_EXTRA_CA_CERTS: certificate, // the shop trusts its own payments; what Understudy needs, it adds itself
    },
    (line) => {
      console.log(`    | ${line}`);
      open ||= line === "the storefront is open";
      reloaded ||= line === "understudy: 1 rule in force";
    },
  );
  await until("the storefront", 30_000, async () => open);

  await passThrough(stage, storefront);
  await mocks(stage, storefront, () => askCharges(ports.payments, readFileSync(certificate, "utf8")));
  await delayFault(stage, storefront, search);
  await reload(stage, storefront, rulesFile, async () => reloaded);

  title("The shop closes");
  const code = await stop(understudy);
  check("the storefront's exit code came through", code === 0, `exit code ${code}`);
}

async function passThrough({ title, check }: Show, storefront: string): Promise<void> {
  title("1. Nothing to do with any rule: the calls go through");
  const stock = await ask(`${storefront}/stock?item=lamp`);
  check("the inventory itself answered, over gRPC", stock.text.includes('"count":12'), stock.text);
  const order = await ask(`${storefront}/orders?item=lamp`, "POST");
  check("a lamp for 40 was paid by the payment service, over HTTPS", order.status === 201, describe(order));
}

async function mocks(
  { title, check }: Show,
  storefront: string,
  charges: () => Promise<string>,
): Promise<void> {
  title("2. Mocks: charges above 1000 are declined, and no sofa is left");
  const order = await ask(`${storefront}/orders?item=sofa`, "POST");
  check(
    "a sofa for 1200 was declined",
    order.status === 402 && order.text.includes("card_declined"),
    describe(order),
  );
  const seen = await charges();
  check("and the payment service has seen the lamp alone", seen === '{"charges":1}', seen);
  const sofas = await ask(`${storefront}/stock?item=sofa`);
  check(
    "the inventory has three sofas, the storefront sees none",
    sofas.text.includes('"count":0'),
    sofas.text,
  );
  const lamps = await ask(`${storefront}/stock?item=lamp`);
  check(
    "while its lamps are the real ones, on the same connection",
    lamps.text === '{"item":"lamp","count":12}',
    lamps.text,
  );
}

async function delayFault({ title, check }: Show, storefront: string, search: string): Promise<void> {
  title("3. A fault: the search is 400 ms late");
  const direct = await ask(`${search}/v1/search?q=lamp`);
  const found = await ask(`${storefront}/products?q=lamp`);
  check("the storefront waited", found.ms >= 400, `${found.ms} ms, the search itself took ${direct.ms} ms`);
  const { products } = JSON.parse(direct.text);
  check(
    "and got the real answer, by a client that is not Node where one is here",
    found.text.includes(JSON.stringify(products)),
    found.text,
  );
}

async function reload(
  { title, check }: Show,
  storefront: string,
  rulesFile: string,
  isDone: () => Promise<boolean>,
): Promise<void> {
  title("4. New rules while it runs: the payment service is down, the search is well again");
  const mended = rules
    .slice(0, rules.indexOf("  # A mock over gRPC"))
    .replace("status: 402", "status: 503")
    .replace("card_declined", "payments_down");
  writeFileSync(rulesFile, mended);
  await until("the new rules", 5_000, isDone);
  const order = await ask(`${storefront}/orders?item=sofa`, "POST");
  check("the same order now meets a payment service that is down", order.status === 503, describe(order));
  let found = await ask(`${storefront}/products?q=sofa`);
  // A machine that is busy with something else may be slow once; a delay would be there each time.
  for (let more = 2; more > 0 && found.ms >= 400; more--) found = await ask(`${storefront}/products?q=sofa`);
  check("and the search is quick", found.ms < 400, `${found.ms} ms`);
}

/** The port on which it listens. */
async function startService(
  name: "payments" | "inventory" | "search",
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const port = await freePort();
  startNode([pathOf(`./services/${name}.ts`)], { PORT: String(port), ...env }, (line) =>
    console.log(`    ${name}: ${line}`),
  );
  await until(name, 30_000, () => isListening(port));
  return port;
}

/** What the payment service itself says it has seen. */
function askCharges(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "localhost", port, path: "/v1/charges/count", ca }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject).end();
  });
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
