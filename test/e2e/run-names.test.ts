// `understudy run` with names that do not resolve: where a rule answers for one, the command reaches it; nothing else changes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { aroundTests } from "../support/around-tests.ts";
import { protoFolder } from "../support/grpc-shop.ts";
import { startTinyDns, type TinyDns } from "../support/tiny-dns.ts";
import {
  eventually,
  hasTool,
  noNamespaces,
  startUnderstudy,
  understudy,
  users,
} from "../support/understudy-process.ts";

let folder: string;
let rules: string;
let origin: Server;
let port: number;
let nobody: number;
let dns: TinyDns;
/** Says SERVFAIL to whatever it does not know. */
let failing: TinyDns;

aroundTests(
  async () => {
    origin = createServer((request, response) => response.end(`real ${request.headers.host} ${request.url}`));
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    port = (origin.address() as AddressInfo).port;
    dns = await startTinyDns({ "real.internal": "127.0.0.1", "api.example": "127.0.0.1" });
    failing = await startTinyDns({}, "127.0.0.1", 2);
    nobody = await closedPort();
    folder = mkdtempSync(join(tmpdir(), "understudy-names-"));
    chmodSync(folder, 0o755);
    rules = join(folder, "rules.yaml");
    writeFileSync(rules, ruleText);
  },
  () => {
    origin.closeAllConnections();
    origin.close();
    dns.close();
    failing.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

const ruleText = `version: 1
descriptors: [${protoFolder}]
rules:
  - {name: paid, matches: [{host: payments.internal, path: /pay}], respond: {status: 402, body: mocked}}
  - {name: zone, matches: [{host: {suffix: .zone.internal}}], respond: {body: zone}}
  - {name: real, matches: [{host: real.internal, path: /mock}], respond: {body: mocked}}
  - {name: everywhere, matches: [{path: /everywhere}], respond: {body: everywhere}}
  - {name: short, matches: [{host: ledger, path: /pay}], respond: {body: short}}
  - {name: slow, matches: [{host: slow.internal}], fault: {delay: 10ms}}
  - {name: place, matches: [{destination: "place.internal:8080", path: /}], respond: {body: by destination}}
  - name: stock
    matches: [{host: {prefix: stock.internal}, grpc: {service: shop.v1.Inventory, method: Get}}]
    respond: {grpc: {message: {sku: mocked, inStock: 3}}}
  - name: chat
    matches: [{host: chat.internal, websocket: {path: /chat}}]
    respond: {websocket: [{send: hello from nobody}, {close: 1000}]}
`;

async function closedPort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: found } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return found;
}

const env = { HOME: "/nonexistent", XDG_CONFIG_HOME: "" };
const words = (server: number, ...command: readonly string[]) => [
  ...["run", "--rules", rules, "--nameserver", `127.0.0.1:${server}`, "--"],
  ...command,
];
const quoted = (command: readonly string[]) =>
  command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
const skipped = (tool: string) => (hasTool(tool) ? false : `needs ${tool} (scripts/components.sh)`);

const clients: Readonly<Record<string, { tool: string; get: (url: string) => readonly string[] }>> = {
  curl: { tool: "curl", get: (url) => ["curl", "-sS", url] },
  python3: {
    tool: "python3",
    get: (url) => [
      ...["python3", "-c"],
      "import sys, urllib.request as u, urllib.error as e\n" +
        "try: print(u.urlopen(sys.argv[1]).read().decode())\n" +
        "except e.HTTPError as error: print(error.read().decode())",
      url,
    ],
  },
  node: {
    tool: "sh",
    get: (url) => [process.execPath, "-e", `fetch("${url}").then(r => r.text()).then(console.log)`],
  },
};

describe("run: a name that does not resolve, and a rule that answers for it", { skip: noNamespaces }, () => {
  for (const user of users) {
    for (const [name, { tool, get }] of Object.entries(clients)) {
      const skip = user.skip || skipped(tool);
      test(`${name}: http, https and a pattern, as ${user.name}`, { skip }, async () => {
        const urls = [
          "http://payments.internal/pay",
          "https://payments.internal/pay",
          "http://a.b.zone.internal:81/",
        ];
        const script = urls.map((url) => quoted(get(url))).join(" && ");
        const { code, stdout, stderr } = await understudy(words(dns.port, "sh", "-c", script), { user, env });
        assert.match(stdout, /^mocked\s*mocked\s*zone\s*$/, stderr);
        assert.match(stderr, /GET payments\.internal\/pay → 402 mocked by paid/);
        assert.equal(code, 0);
      });
    }
  }

  const noCurl = skipped("curl");
  const curl = (server: number, ...args: readonly string[]) =>
    understudy(words(server, "curl", "-sS", ...args), { env });

  for (const [what, server] of [
    ["nobody runs a name server", () => nobody],
    ["the name server says SERVFAIL", () => failing.port],
  ] as const)
    test(`where ${what}, too`, { skip: noCurl }, async () => {
      const { stdout, stderr } = await curl(server(), "http://payments.internal/pay");
      assert.equal(stdout, "mocked", stderr);
    });

  test("h2 with prior knowledge", { skip: noCurl }, async () => {
    const { stdout, stderr } = await curl(
      dns.port,
      "--http2-prior-knowledge",
      "http://payments.internal/pay",
    );
    assert.equal(stdout, "mocked", stderr);
  });

  test("h2 inside TLS", async () => {
    const script = `
      const client = require("node:http2").connect("https://payments.internal");
      client.request({ ":path": "/pay" }).on("response", (head) => {
        console.log(head[":status"], client.alpnProtocol);
        client.close();
      }).end();`;
    const { stdout, stderr } = await understudy(words(dns.port, process.execPath, "-e", script), { env });
    assert.equal(stdout, "402 h2\n", stderr);
  });

  test("a gRPC service", async () => {
    const client = new URL("../support/grpc-shop.ts", import.meta.url).href;
    const script = `
      import { shopClient } from ${JSON.stringify(client)};
      const shop = shopClient({ host: "stock.internal", port: 50051 });
      const { messages, details } = await shop.call("Get", [{ sku: "a" }]);
      console.log(messages[0]?.sku, messages[0]?.inStock, details);
      shop.raw.close();`;
    const { stdout, stderr } = await understudy(
      words(dns.port, process.execPath, "--input-type=module", "-e", script),
      { env },
    );
    assert.equal(stdout, "mocked 3 \n", stderr);
  });

  test("a WebSocket", async () => {
    const script = `new WebSocket("ws://chat.internal/chat").onmessage = ({ data }) => console.log(data);`;
    const { stdout, stderr } = await understudy(words(dns.port, process.execPath, "-e", script), { env });
    assert.equal(stdout, "hello from nobody\n", stderr);
  });

  test("a rule about the destination alone", { skip: noCurl }, async () => {
    const { stdout, stderr } = await curl(dns.port, "-H", "Host: whatever", "http://place.internal:8080/");
    assert.equal(stdout, "by destination", stderr);
  });
});

describe("run: what no rule answers stays as if nobody stood there", { skip: noNamespaces }, () => {
  const noCurl = skipped("curl");
  const curl = (...args: readonly string[]) => understudy(words(dns.port, "curl", "-sS", ...args), { env });

  test("a name that resolves is resolved, although a rule answers for it", { skip: noCurl }, async () => {
    const { stdout, stderr } = await curl(
      `http://real.internal:${port}/a`,
      `http://real.internal:${port}/mock`,
    );
    assert.equal(stdout, `real real.internal:${port} /amocked`, stderr);
    assert.ok(dns.asked.includes("real.internal/1"));
  });

  for (const [what, url] of [
    ["no rule names", "http://other.internal/everywhere"],
    ["rules only delay", "http://slow.internal/"],
  ] as const)
    test(`a name that ${what} does not resolve`, { skip: noCurl }, async () => {
      const { code, stderr } = await curl(url);
      assert.match(stderr, /Could not resolve host/);
      assert.equal(code, 6);
    });

  test("a call that no rule claims is reset, and a line tells why", { skip: noCurl }, async () => {
    const { code, stdout, stderr } = await curl("http://payments.internal/other");
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /payments\.internal\/other → failed: payments\.internal has no address \(the name servers say NXDOMAIN\)/,
    );
    assert.equal(code, 56, stderr); // CURLE_RECV_ERROR
  });

  test("one inside TLS is a 502 that tells why", { skip: noCurl }, async () => {
    const { stdout } = await curl("-w", "%{http_code}", "https://payments.internal/other");
    assert.equal(stdout, "understudy: payments.internal has no address (the name servers say NXDOMAIN)\n502");
  });

  test("bytes that are not parsed are reset, and so is TLS that no rule concerns", async () => {
    const script = `
      const open = (port, bytes) => new Promise((resolve) => require("node:net").connect(port, "payments.internal")
        .on("connect", function () { this.write(bytes); })
        .on("error", (error) => resolve(error.code)).on("end", () => resolve("end")));
      const tls = require("node:tls").connect({ host: "payments.internal", port: 443, servername: "x.internal" });
      tls.on("error", async (error) => console.log(error.code, await open(5432, "x"), await open(9999, "\\0\\1\\2")));`;
    const file = join(folder, "named.yaml");
    writeFileSync(
      file,
      "version: 1\nrules: [{name: a, matches: [{host: payments.internal}], respond: {}}]\n",
    );
    const server = `127.0.0.1:${dns.port}`;
    const { stdout, stderr } = await understudy(
      ["run", "--rules", file, "--nameserver", server, "--", process.execPath, "-e", script],
      { env },
    );
    assert.equal(stdout, "ECONNRESET ECONNRESET ECONNRESET\n", stderr);
    assert.match(stderr, /tcp payments\.internal:5432 → failed: payments\.internal has no address/);
    assert.match(
      stderr,
      /tls x\.internal \(payments\.internal:443\) → failed: payments\.internal has no address/,
    );
  });

  test("other records are what the name servers say", async () => {
    const script = `
      const dns = require("node:dns").promises;
      const ask = (type) => dns.resolve("payments.internal", type).then(String, (error) => error.code);
      Promise.all(["A", "AAAA", "TXT", "SRV", "MX"].map(ask)).then((all) => console.log(all.join(" ")));`;
    const { stdout, stderr } = await understudy(words(dns.port, process.execPath, "-e", script), { env });
    assert.equal(stdout, "198.19.0.1 ENODATA ENOTFOUND ENOTFOUND ENOTFOUND\n", stderr);
  });
});

describe("run: search domains", { skip: noNamespaces }, () => {
  const isRoot = process.getuid?.() === 0;
  const skip = isRoot ? skipped("python3") : "needs root, to mount another resolv.conf for itself alone";

  /** With a list of two domains that are tried before any name of fewer than five dots. */
  function searching(server: number, url: string) {
    const file = join(folder, "resolv.conf");
    writeFileSync(file, "nameserver 127.0.0.1\nsearch corp.example zone.internal\noptions ndots:5\n");
    const script = `mount --bind ${file} "$(readlink -f /etc/resolv.conf)" && exec "$@"`;
    const prefix = ["unshare", "--mount", "sh", "-c", script, "sh"];
    const user = { name: "root", prefix, skip: false } as const;
    return understudy(words(server, ...(clients.python3?.get(url) ?? [])), { user, env });
  }

  test("a short name that a rule names is reached, whatever is said of the long ones", { skip }, async () => {
    for (const { port: server } of [dns, failing]) {
      const { stdout, stderr } = await searching(server, "http://ledger/pay");
      assert.match(stdout, /^short$/m, stderr);
    }
  });

  test("a pattern that holds for a search domain does not hide the name that was meant", {
    skip,
  }, async () => {
    const { stdout, stderr } = await searching(dns.port, `http://api.example:${port}/a`);
    assert.match(stdout, /^real api\.example:\d+ \/a$/m, stderr);
    const own = await searching(dns.port, "http://a.b.zone.internal/");
    assert.match(own.stdout, /^zone$/m, own.stderr);
  });
});

describe("run --mode env: the proxy is told the name as it is", () => {
  const skip = skipped("curl");
  const curl = (url: string) =>
    understudy(["run", "--mode", "env", "--rules", rules, "--", "curl", "-sS", url], { env });

  for (const scheme of ["http", "https"])
    test(`a rule answers for a name that does not resolve, over ${scheme}`, { skip }, async () => {
      const { stdout, stderr } = await curl(`${scheme}://payments.internal/pay`);
      assert.equal(stdout, "mocked", stderr);
    });
});

test("run: the examples of its page", { skip: noNamespaces || skipped("curl") }, async () => {
  const page = readFileSync(new URL("../../docs/run.md", import.meta.url), "utf8");
  const block = (language: string) =>
    new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "m").exec(page)?.[1] ?? "";
  const file = join(folder, "mocks.yaml");
  writeFileSync(file, block("yaml"));
  const answers = [];
  for (const line of block("sh").trim().split("\n")) {
    const [, command = ""] = /^understudy run --rules mocks\.yaml -- (.*)$/.exec(line) ?? [];
    const server = `127.0.0.1:${dns.port}`;
    const run = ["run", "--rules", file, "--nameserver", server, "--", ...command.split(" ")];
    answers.push(JSON.parse((await understudy(run, { env })).stdout));
  }
  assert.deepEqual(answers, [{ error: "card_declined" }, { stock: 3 }]);
});

describe("run: what is said at the end of names that no rule names", {
  skip: noNamespaces || skipped("curl"),
}, () => {
  const after = (flags: readonly string[], ...urls: readonly string[]) =>
    understudy(
      [
        ...["run", "--rules", rules, "--nameserver", `127.0.0.1:${dns.port}`, ...flags],
        ...["--", "curl", "-s", ...urls],
      ],
      { env },
    );
  const missed = "http://other.internal/everywhere";

  test("which ones, where no rule has answered", async () => {
    const { stderr } = await after([], missed, `http://real.internal:${port}/a`);
    assert.match(
      stderr,
      /1 call: 1 relayed\nno rule has answered, and 1 name did not resolve: other\.internal\n {2}next: name the host/,
    );
  });

  test("a field of a line, with --json", async () => {
    const { stderr } = await after(["--json"], missed);
    const lines = stderr.trim().split("\n");
    assert.deepEqual(JSON.parse(lines.at(-1) ?? "").unresolved, ["other.internal"]);
  });

  test("nothing, where a rule has answered or quiet is asked for", async () => {
    const answered = await after([], missed, "http://payments.internal/pay");
    assert.match(answered.stderr, /1 call: 1 mocked\nrules: paid 1\n$/);
    for (const flags of [["--quiet"], ["--quiet", "--json"]])
      assert.equal((await after(flags, missed)).stderr, "");
  });
});

test("run: names come and go with the rules", { skip: noNamespaces }, async () => {
  const file = join(folder, "changing.yaml");
  const write = (host: string) =>
    writeFileSync(
      file,
      `version: 1\nrules: [{name: one, matches: [{host: ${host}}], respond: {body: ${host}}}]\n`,
    );
  write("first.internal");
  const script = `
    const { lookup } = require("node:dns").promises;
    const known = (name) => lookup(name).then(() => name, () => "");
    setInterval(async () => console.log("knows:", await known("first.internal"), await known("second.internal"), "."), 50);`;
  const running = startUnderstudy(
    ["run", "--rules", file, "--nameserver", `127.0.0.1:${dns.port}`, "--", process.execPath, "-e", script],
    { env },
  );
  await running.seen("stdout", "knows: first.internal  .");
  write("second.internal");
  await running.seen("stdout", "knows:  second.internal .");
  running.process.kill("SIGTERM");
  await running.finished;
  await eventually("it ended", () => running.process.exitCode !== null);
});
