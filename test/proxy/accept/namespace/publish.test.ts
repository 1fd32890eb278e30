// --publish: what it says, and where the host then listens.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { bindPublication, parsePublication } from "../../../../src/proxy/accept/namespace/publish.ts";

describe("--publish", () => {
  for (const [text, on, port] of [
    ["3000", ["127.0.0.1 3000", "::1 3000"], 3000],
    ["8080:3000", ["127.0.0.1 8080", "::1 8080"], 3000],
    ["0:3000", ["127.0.0.1 0", "::1 0"], 3000],
    ["0.0.0.0:8080:3000", ["0.0.0.0 8080"], 3000],
    ["[::]:8080:3000", [":: 8080"], 3000],
    ["localhost:8080:3000", ["localhost 8080"], 3000],
  ] as const) {
    test(`${text} listens on ${on.join(" and ")}`, () => {
      const found = parsePublication(text);
      assert.deepEqual(
        found.on.map(({ host, port }) => `${host} ${port}`),
        on,
      );
      assert.equal(found.port, port);
    });
  }
  for (const text of [
    "",
    "x",
    "0",
    "70000",
    "70000:80",
    "127.0.0.1:",
    "::1:80:80",
    "1.2.3.4:5:6:7",
    "host:80",
  ]) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parsePublication(text), {
        code: "bad_config",
        message: `--publish: expected PORT, HOSTPORT:PORT or ADDRESS:HOSTPORT:PORT, got ${JSON.stringify(text)}`,
      });
    });
  }

  test("any free port is the same one in both families", async () => {
    const servers = await bindPublication(parsePublication("0:3000"));
    const ports = new Set(servers.map((server) => (server.address() as AddressInfo).port));
    for (const server of servers) server.close();
    assert.equal(ports.size, 1);
  });

  test("a port that is taken is told, and the other family's is given back", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await assert.rejects(bindPublication(parsePublication(`${port}:1`)), {
      code: "bad_config",
      message: new RegExp(`^--publish: cannot listen on 127.0.0.1:${port}: another process listens there`),
    });
    other.close();
  });
});
