// `understudy run` with programs that speak HTTPS and were told of no authority: each trusts ours for as long as it
// runs, and nothing of it stays.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import type { Authority } from "../../src/core/certificates.ts";
import { aroundTests } from "../support/around-tests.ts";
import { openSecureOrigin, type SecureOrigin, testAuthority } from "../support/https.ts";
import {
  eventually,
  hasTool,
  noNamespaces,
  startUnderstudy,
  understudy,
  users,
} from "../support/understudy-process.ts";

let theirs: Authority;
let origin: SecureOrigin;
let folder: string;
let rules: string;
let upstreamCa: string;

aroundTests(
  async () => {
    theirs = await testAuthority("the upstream's authority");
    origin = await openSecureOrigin(theirs, "localhost", (request, response) => {
      response.end(`real ${request.url}`);
    });
    folder = mkdtempSync(join(tmpdir(), "understudy-run-tls-"));
    chmodSync(folder, 0o755);
    upstreamCa = join(folder, "upstream.pem");
    writeFileSync(upstreamCa, theirs.trust);
    rules = join(folder, "rules.yaml");
    writeFileSync(
      rules,
      "version: 1\nrules:\n  - name: paid\n    matches: [{host: localhost, path: /pay}]\n" +
        "    respond: {status: 402, body: mocked}\n",
    );
  },
  async () => {
    await origin[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  },
);

/** Where Debian's curl looks when nothing tells it otherwise. */
const systemBundle = "/etc/ssl/certs/ca-certificates.crt";
/** No authority of whoever runs the tests is in the way: there is no such home. */
const env = { HOME: "/nonexistent", XDG_CONFIG_HOME: "" };
const runWords = (...more: readonly string[]) => ["run", "--rules", rules, ...more];
const url = (path: string) => `https://localhost:${origin.port}${path}`;

describe("run: HTTPS of an unmodified program", { skip: noNamespaces }, () => {
  for (const user of users) {
    const clients: Readonly<Record<string, { tool: string; words: (path: string) => readonly string[] }>> = {
      curl: { tool: "curl", words: (path) => ["curl", "-sS", url(path)] },
      python3: {
        tool: "python3",
        words: (path) => [
          "python3",
          "-c",
          "import sys, urllib.request as u, urllib.error as e\n" +
            "try: print(u.urlopen(sys.argv[1]).read().decode())\n" +
            "except e.HTTPError as error: print(error.read().decode())",
          url(path),
        ],
      },
      node: {
        tool: "sh",
        words: (path) => [
          process.execPath,
          "-e",
          `fetch("${url(path)}").then(r => r.text()).then(console.log)`,
        ],
      },
    };
    for (const [name, { tool, words }] of Object.entries(clients)) {
      const skip = user.skip || (hasTool(tool) ? false : `${tool} is missing`);
      test(`${name}: mocked and relayed, as ${user.name}`, { skip }, async () => {
        const script = `${quoted(words("/pay"))}; ${quoted(words(`/${name}`))}`;
        const { code, stdout, stderr } = await understudy(
          runWords("--upstream-cas", upstreamCa, "--", "sh", "-c", script),
          { user, env },
        );
        assert.match(stdout, new RegExp(`^mocked\\s*real /${name}\\s*$`), stderr);
        assert.match(stderr, /GET localhost:\d+\/pay → 402 mocked by paid/);
        assert.match(stderr, new RegExp(`GET localhost:\\d+/${name} → 200 relayed`));
        assert.equal(code, 0);
      });
    }

    test(`a program that heeds no variable: mocked and relayed, as ${user.name}`, {
      skip: user.skip || (existsSync(systemBundle) ? false : `${systemBundle} is missing`),
    }, async () => {
      const before = readFileSync(systemBundle, "utf8");
      const { code, stdout, stderr } = await understudy(
        runWords("--upstream-cas", upstreamCa, "--", "env", "-i", "curl", "-sS", url("/pay"), url("/cart")),
        { user, env },
      );
      assert.equal(stdout, "mockedreal /cart", stderr);
      assert.equal(code, 0);
      assert.equal(readFileSync(systemBundle, "utf8"), before);
    });

    test(`an upstream that the command was made to trust is trusted, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      for (const name of ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"]) {
        const { stdout, stderr } = await understudy(runWords("--", "curl", "-sS", url("/cart")), {
          user,
          env: { ...env, [name]: upstreamCa },
        });
        assert.equal(stdout, "real /cart", `${name}: ${stderr}`);
      }
    });

    test(`a server that no rule concerns is not opened, as ${user.name}`, { skip: user.skip }, async () => {
      const { stdout, stderr } = await understudy(
        runWords(
          "--",
          "curl",
          "-sS",
          "--cacert",
          upstreamCa,
          "--connect-to",
          `x.test:443:localhost:${origin.port}`,
        ).concat("-k", "-w", "%{certs}", "https://x.test/pay"),
        { user, env },
      );
      assert.match(stdout, /^real \/pay/, stderr);
      assert.match(stdout, /Issuer:.*the upstream's authority/);
      assert.match(stderr, /tls x\.test \(127\.0\.0\.1:\d+\) → relayed unread/);
    });

    test(`an upstream that cannot be trusted is a 502 with its reason, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      const { stdout, stderr } = await understudy(
        runWords("--", "curl", "-sS", "-w", " %{http_code}", url("/real")),
        { user, env },
      );
      assert.match(stdout, /certificate of localhost .* is not trusted: .*UNABLE_TO_VERIFY.* 502$/s, stderr);
      assert.match(stderr, /→ 502 failed/);
    });

    test(`a client that pins another authority is left alone the second time, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      const pinned = `curl -sS --cacert ${upstreamCa} ${url("/pay")}`;
      const { stdout, stderr } = await understudy(
        runWords("--", "sh", "-c", `${pinned} 2>/dev/null; ${pinned}`),
        {
          user,
          env,
        },
      );
      assert.equal(stdout, "real /pay", stderr);
      assert.match(stderr, /does not trust our certificate for localhost \(it sent the alert unknown ca\)/);
      assert.match(stderr, /understudy ca show/);
    });

    test(`what is trusted is added to what was, and gone after the end, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      const mine = join(folder, "mine.pem");
      writeFileSync(mine, theirs.trust);
      const names = [
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "NODE_EXTRA_CA_CERTS",
        "PIP_CERT",
      ];
      const script = names.map((name) => `echo "$${name} $(grep -c BEGIN "$${name}")"`).join(";");
      const { stdout, stderr } = await understudy(runWords("--", "sh", "-c", script), {
        user,
        env: {
          ...env,
          SSL_CERT_FILE: mine,
          NODE_EXTRA_CA_CERTS: mine,
          CURL_CA_BUNDLE: "",
          REQUESTS_CA_BUNDLE: "",
          GIT_SSL_CAINFO: "",
          GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: "",
          PIP_CERT: mine,
        },
      });
      const lines = stdout.trim().split("\n");
      const found = new Map(lines.map((line, i) => [names[i] ?? "", line.split(" ")] as const));
      const [file = "", count] = found.get("SSL_CERT_FILE") ?? [];
      assert.equal(count, "2", `${stdout}\n${stderr}`);
      assert.equal(found.get("NODE_EXTRA_CA_CERTS")?.[1], "2");
      assert.equal(found.get("PIP_CERT")?.[1], "2");
      assert.equal(found.get("CURL_CA_BUNDLE")?.[0], file, "curl with OpenSSL heeds SSL_CERT_FILE too");
      assert.ok(Number(found.get("REQUESTS_CA_BUNDLE")?.[1]) > 10, "the system's, with ours");
      assert.equal(existsSync(dirname(file)), false);
    });
  }

  test("nothing is left after SIGKILL", async () => {
    const running = startUnderstudy(runWords("--", "sh", "-c", 'echo "$SSL_CERT_FILE"; exec sleep 600'), {
      env,
    });
    const [, file = ""] = await running.seen("stdout", /(\/\S+\.pem)\n/);
    assert.ok(readFileSync(file, "utf8").includes("BEGIN CERTIFICATE"));
    assert.deepEqual(
      readdirSync(dirname(file)).filter((name) => name.includes("key")),
      [],
    );
    process.kill(running.pid, "SIGKILL");
    await running.finished;
    await eventually("the folder is gone", () => !existsSync(dirname(file)));
  });

  test("without rules nothing is set, and nothing opened", async () => {
    const { stdout, stderr } = await understudy(
      ["run", "--", "sh", "-c", `echo "[$SSL_CERT_FILE]"; curl -sS --cacert ${upstreamCa} ${url("/pay")}`],
      { env: { ...env, SSL_CERT_FILE: "" } },
    );
    assert.equal(stdout, "[]\nreal /pay", stderr);
  });
});

test("run: with proxy variables alone, HTTPS is opened too", async () => {
  const words = [
    "--mode",
    "env",
    "--upstream-cas",
    upstreamCa,
    "--",
    "curl",
    "-sS",
    url("/pay"),
    url("/real"),
  ];
  const { stdout, stderr } = await understudy(runWords(...words), { env });
  assert.equal(stdout, "mockedreal /real", stderr);
});

test("run: an authority of the user's own is used where there is one", async () => {
  const home = mkdtempSync(join(tmpdir(), "understudy-home-"));
  const own = { HOME: home, XDG_CONFIG_HOME: "" };
  const made = await understudy(["ca", "init"], { env: own });
  assert.equal(made.code, 0, made.stderr);
  const cert = join(home, ".config/understudy/ca/ca.pem");
  const words = ["--mode", "env", "--", "curl", "-sS", "--cacert", cert, url("/pay")];
  const { stdout, stderr } = await understudy(runWords(...words), { env: own });
  assert.equal(stdout, "mocked", stderr);
  chmodSync(join(home, ".config/understudy/ca/ca.key"), 0o644);
  const refused = await understudy(runWords("--mode", "env", "--", "true"), { env: own });
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /ca\.key: expected permissions 0600, got 0644/);
  rmSync(home, { recursive: true });
});

test("proxy: without an authority TLS stays shut, and a line says how to change that", async () => {
  const running = startUnderstudy(["proxy", "--listen", "127.0.0.1:0", "--admin", "off", "--rules", rules], {
    env,
  });
  const [, place = ""] = await running.seen("stdout", /"proxy":"([^"]+)"/);
  const words = ["-sS", "--proxy", `http://${place}`, "--cacert", upstreamCa, url("/pay")];
  assert.equal((await promisify(execFile)("curl", words)).stdout, "real /pay");
  await running.seen("stdout", /understudy ca init/);
  running.process.kill("SIGTERM");
  assert.equal((await running.finished).code, 0);
});

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}
