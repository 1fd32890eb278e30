// What it costs to scan a request head: ns per head for a tiny one and a realistic one of 625 bytes.
// Run: node bench/micro/head-scan.ts [rounds]. Prints the median and the best of many short rounds; a noisy neighbour
// moves the median, hardly the best.

import { RequestScanner } from "../../src/proxy/lanes/http1/request-scanner.ts";

const tiny = Buffer.from("GET /tiny HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", "latin1");

const realistic = Buffer.from(
  [
    "GET /api/v2/catalog/items?category=books&sort=price&page=3 HTTP/1.1",
    "Host: shop.example.com",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Cookie: session=0f3c9a1d7be84e52a6c1; theme=dark; cart=17-4-9; consent=yes",
    "Referer: https://shop.example.com/api/v2/catalog",
    "Cache-Control: no-cache",
    "Connection: keep-alive",
    "X-Request-Id: 6f9619ff-8b86-d011-b42d-00c04fc964ff-0001-zq",
    "",
    "",
  ].join("\r\n"),
  "latin1",
);

const scanner = new RequestScanner({ maxHeadBytes: 65_536, maxHeaders: 256 });
const headsPerRound = 10_000;
const rounds = Number(process.argv[2] ?? 200);

/** ns per head over one round; `strings` also reads what a rule index and an access log ask for. */
function roundNs(head: Buffer, strings: "none" | "some" | "all"): number {
  let checksum = 0;
  const begun = process.hrtime.bigint();
  for (let i = 0; i < headsPerRound; i++) {
    scanner.reset();
    checksum += scanner.scan(head, 0, head.length);
    if (strings !== "none")
      checksum += scanner.method.length + scanner.authority.length + scanner.path.length;
    if (strings === "all") checksum += scanner.headers.length;
  }
  const elapsed = Number(process.hrtime.bigint() - begun);
  if (checksum < headsPerRound * head.length) throw new Error("a head was refused");
  return elapsed / headsPerRound;
}

function report(name: string, head: Buffer, strings: "none" | "some" | "all"): void {
  const samples = Array.from({ length: rounds }, () => roundNs(head, strings)).sort((a, b) => a - b);
  const median = samples[Math.floor(samples.length / 2)] ?? Number.NaN;
  const best = samples[0] ?? Number.NaN;
  console.log(
    `${name.padEnd(44)} median ${median.toFixed(0).padStart(5)} ns   best ${best.toFixed(0).padStart(5)} ns`,
  );
}

for (let i = 0; i < 20; i++) for (const head of [tiny, realistic]) roundNs(head, "all");
report(`tiny (${tiny.length} B), offsets only`, tiny, "none");
report(`realistic (${realistic.length} B), offsets only`, realistic, "none");
report("tiny, with method, authority, path", tiny, "some");
report("realistic, with method, authority, path", realistic, "some");
report("tiny, with every header string", tiny, "all");
report("realistic, with every header string", realistic, "all");
