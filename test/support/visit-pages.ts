// Opens pages in a Chromium, one after the other, and says what was seen, a JSON line each: for Chromium inside
// `understudy run`, whose authority it trusts as NODE_EXTRA_CA_CERTS tells.
//
//   node test/support/visit-pages.ts URL…

import { readFileSync } from "node:fs";
import { openChromium, visit } from "./chromium.ts";

const trusted = process.env.NODE_EXTRA_CA_CERTS;
await using browser = await openChromium(trusted ? { trust: readFileSync(trusted, "utf8") } : {});
const page = await browser.newPage();
for (const url of process.argv.slice(2)) {
  const seen = await visit(page, url).catch((error: Error) => ({ failed: error.message }));
  console.log(JSON.stringify(seen));
}
