// `understudy run` with programs that nobody configured: each of their connections passes through it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { aroundTests } from "../support/around-tests.ts";
import { startTinyDns, type TinyDns } from "../support/tiny-dns.ts";
import { hasTool, noNamespaces, understudy, users } from "../support/understudy-process.ts";

let origin: Server;
let port: number;
let folder: string;
let dns: TinyDns;
const called: string[] = [];

aroundTests(
  async () => {
    origin = createServer((request, response) => {
      called.push(`${request.headers.host} ${request.url}`);
      response.end(`real ${request.url}`);
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    port = (origin.address() as AddressInfo).port;
    dns = await startTinyDns({ "shop.test": "127.0.0.1" });
    folder = mkdtempSync(join(tmpdir(), "understudy-run-"));
    chmodSync(folder, 0o755);
  },
  () => {
    origin.closeAllConnections();
    origin.close();
    dns.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

/** A client without libc at run time, so that nothing could be preloaded into it. Why not, where it cannot be built. */
function buildStaticClient(): string | Error {
  const source = join(folder, "client.c");
  const binary = join(folder, "client");
  writeFileSync(source, staticClient);
  try {
    execFileSync("gcc", ["-static", "-O1", "-o", binary, source], { stdio: "pipe" });
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  chmodSync(binary, 0o755);
  return binary;
}

const staticClient = `
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 2;
  const char *call = "GET /static HTTP/1.1\\r\\nHost: static.test\\r\\nConnection: close\\r\\n\\r\\n";
  write(fd, call, strlen(call));
  char text[4096];
  for (long n; (n = read(fd, text, sizeof text)) > 0;) fwrite(text, 1, n, stdout);
  return argc > 2;
}
`;

describe("run: sees every connection of an unmodified program", { skip: noNamespaces }, () => {
  for (const user of users) {
    const clients = {
      curl: { tool: "curl", words: () => ["curl", "-sS", `http://127.0.0.1:${port}/curl`] },
      python3: {
        tool: "python3",
        words: () => [
          "python3",
          "-c",
          `import urllib.request as u; print(u.urlopen("http://127.0.0.1:${port}/python3").read().decode())`,
        ],
      },
      node: {
        tool: "sh",
        words: () => [
          process.execPath,
          "-e",
          `fetch("http://localhost:${port}/node").then(r => r.text()).then(console.log)`,
        ],
      },
    };
    for (const [name, { tool, words }] of Object.entries(clients)) {
      const skip = user.skip || (hasTool(tool) ? false : `${tool} is missing`);
      test(`${name}, as ${user.name}`, { skip }, async () => {
        const { code, stdout, stderr } = await understudy(["run", "--", ...words()], { user });
        assert.match(stdout, new RegExp(`^real /${name}\\n?$`), stderr);
        assert.match(stderr, new RegExp(`GET \\S+:${port}/${name} → 200 relayed`));
        assert.equal(code, 0);
      });
    }

    test(`a static binary, as ${user.name}`, { skip: user.skip }, async (t) => {
      const binary = buildStaticClient();
      if (binary instanceof Error) return t.skip(`gcc -static is missing: ${binary.message}`);
      const { code, stdout, stderr } = await understudy(["run", "--", binary, String(port)], { user });
      assert.match(stdout, /real \/static$/, stderr);
      assert.match(stderr, /GET static\.test\/static → 200 relayed/);
      assert.equal(code, 0);
    });

    test(`a rule's mock reaches a program that knows nothing of it, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      const rules = join(folder, "rules.yaml");
      writeFileSync(
        rules,
        "version: 1\nrules:\n  - name: paid\n    matches: [{path: /pay}]\n    respond: {status: 402, body: mocked}\n",
      );
      const { stdout, stderr } = await understudy(
        ["run", "--rules", rules, "--", "curl", "-s", "-w", " %{http_code}", `http://127.0.0.1:${port}/pay`],
        { user },
      );
      assert.equal(stdout, "mocked 402", stderr);
      assert.match(stderr, /402 mocked by paid/);
      assert.ok(!called.some((call) => call.endsWith("/pay")));
    });

    test(`a name is resolved by the host's name server, as ${user.name}`, { skip: user.skip }, async () => {
      const { stdout, stderr } = await understudy(
        [
          "run",
          "--nameserver",
          `127.0.0.1:${dns.port}`,
          "--",
          "curl",
          "-sS",
          `http://shop.test:${port}/by-name`,
        ],
        { user },
      );
      assert.equal(stdout, "real /by-name", stderr);
      assert.ok(dns.asked.includes("shop.test/1"));
      assert.ok(called.includes(`shop.test:${port} /by-name`));
    });

    test(`an IPv6 server of the host is reached, as ${user.name}`, { skip: user.skip }, async (t) => {
      const server = createServer((_, response) => response.end("six"));
      server.listen(0, "::1");
      const bound = await once(server, "listening").catch((error: Error) => error);
      if (bound instanceof Error) return t.skip(`IPv6 is missing: ${bound.message}`);
      const { port } = server.address() as AddressInfo;
      const { stdout, stderr } = await understudy(["run", "--", "curl", "-sS", `http://[::1]:${port}/`], {
        user,
      });
      server.close();
      assert.equal(stdout, "six", stderr);
      assert.match(stderr, /GET \[::1\]:\d+\/ → 200 relayed/);
    });
  }
});
