// `understudy run` where programs are told of a forward proxy: nothing in their environment changes, calls that nobody claims leave
// through that proxy, and rules answer the others.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { aroundTests } from "../support/around-tests.ts";
import { type ForwardProxy, openForwardProxy } from "../support/forward-proxy.ts";
import { openSecureOrigin, type SecureOrigin, testAuthority } from "../support/https.ts";
import { hasTool, noNamespaces, type User, understudy, users } from "../support/understudy-process.ts";

let origin: SecureOrigin;
let proxy: ForwardProxy;
/** The same, spoken to over TLS. */
let secure: ForwardProxy;
let folder: string;

aroundTests(
  async () => {
    const theirs = await testAuthority("the upstream's authority");
    origin = await openSecureOrigin(theirs, "shop.test", (request, response) => {
      response.end(`real ${request.url}`);
    });
    const answer = (head: string) =>
      head.startsWith("CONNECT shop.test:443 ") ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 403 Unknown\r\n\r\n";
    const { chain: cert, key } = await theirs.issue("localhost");
    proxy = await openForwardProxy(origin.port, answer);
    secure = await openForwardProxy(origin.port, answer, { cert, key });
    folder = mkdtempSync(join(tmpdir(), "understudy-behind-proxy-"));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "upstream.pem"), theirs.trust);
    writeFileSync(
      join(folder, "rules.yaml"),
      `version: 1
rules:
  - {name: paid, matches: [{host: shop.test, path: /pay}], respond: {status: 402, body: mocked}}
  - {name: known, matches: [{host: payments.internal}], respond: {body: known to rules}}
`,
    );
  },
  async () => {
    await Promise.all([proxy[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]);
    await origin[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  },
);

const clients: Readonly<Record<string, readonly string[]>> = {
  curl: ["curl", "-sS"],
  python3: [
    "python3",
    "-c",
    "import sys, urllib.request as u, urllib.error as e\n" +
      "try: print(u.urlopen(sys.argv[1]).read().decode())\n" +
      "except e.HTTPError as error: print(error.read().decode())",
  ],
};

/** One after the other, in one command. */
const urls = ["https://shop.test/pay", "https://shop.test/r", "https://payments.internal/"];

const skipOf = (user: User, tool: string) => user.skip || (hasTool(tool) ? false : `${tool} is missing`);

async function runThere(
  user: User,
  flags: readonly string[],
  words: readonly string[],
  place = `http://me:secret@127.0.0.1:${proxy.address.port}`,
) {
  const env = {
    ...{ HOME: "/nonexistent", XDG_CONFIG_HOME: "", NO_PROXY: "", no_proxy: "", URLS: urls.join(" ") },
    HTTPS_PROXY: place,
  };
  const files = ["--rules", join(folder, "rules.yaml"), "--upstream-cas", join(folder, "upstream.pem")];
  const script = 'for url in $URLS; do "$@" "$url"; echo; done';
  const ran = await understudy(["run", ...flags, ...files, "--", "sh", "-c", script, "-", ...words], {
    user,
    env,
  });
  return { ...ran, lines: ran.stdout.split("\n").filter(Boolean) };
}

const credentials = `Proxy-Authorization: Basic ${btoa("me:secret")}`;

describe("run behind a proxy", { skip: noNamespaces }, () => {
  for (const user of users)
    for (const [tool, words] of Object.entries(clients))
      test(`${tool}: relayed, mocked, and answered where the proxy knows no such host, as ${user.name}`, {
        skip: skipOf(user, tool),
      }, async () => {
        const { lines, stderr } = await runThere(user, [], words);
        assert.deepEqual(lines, ["mocked", "real /r", "known to rules"], stderr);
        assert.match(stderr, /GET shop\.test\/r → 200 relayed/);
        assert.match(stderr, /CONNECT payments\.internal:443 → 403 relayed/);
        assert.match(proxy.asked.at(-1) ?? "", new RegExp(credentials, "i"));
      });
});

describe("run behind a proxy, without a namespace", () => {
  for (const user of users)
    for (const [tool, words] of Object.entries(clients))
      test(`${tool}: what is relayed leaves through it, as ${user.name}`, {
        skip: skipOf(user, tool),
      }, async () => {
        const before = proxy.asked.length;
        const { lines, stderr } = await runThere(user, ["--mode", "env"], words);
        assert.deepEqual(lines, ["mocked", "real /r", "known to rules"], stderr);
        assert.match(stderr, /leave through the proxy of HTTPS_PROXY, 127\.0\.0\.1:\d+\n/);
        assert.doesNotMatch(stderr, /secret/);
        const asked = proxy.asked.slice(before);
        assert.ok(asked.some((head) => head.startsWith("CONNECT shop.test:443 ")));
        assert.ok(asked.every((head) => head.includes(`\r\n${credentials}\r\n`)));
      });

  for (const user of users)
    test(`curl: a proxy that is spoken to over TLS, as ${user.name}`, {
      skip: skipOf(user, "curl"),
    }, async () => {
      const before = secure.asked.length;
      const place = `https://me:secret@localhost:${secure.address.port}`;
      const { lines, stderr } = await runThere(user, ["--mode", "env"], clients.curl ?? [], place);
      assert.deepEqual(lines, ["mocked", "real /r", "known to rules"], stderr);
      assert.match(stderr, /leave through the proxy of HTTPS_PROXY, localhost:\d+, over TLS\n/);
      const asked = secure.asked.slice(before);
      assert.ok(asked.some((head) => head.startsWith("CONNECT shop.test:443 ")));
      assert.ok(asked.every((head) => head.includes(`\r\n${credentials}\r\n`)));
    });
});
