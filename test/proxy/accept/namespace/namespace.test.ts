// Real namespaces, made in this process: accepting outside, connecting inside, and ending.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import type { HostPort } from "../../../../src/core/address.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { readHostNetwork } from "../../../../src/proxy/accept/namespace/host-network.ts";
import { type Namespace, openNamespace } from "../../../../src/proxy/accept/namespace/namespace.ts";
import { redirectPort } from "../../../../src/proxy/accept/namespace/network.ts";
import { isolationsToTry } from "../../../../src/proxy/accept/namespace/recipe.ts";
import { originalDestination } from "../../../../src/proxy/accept/original-destination.ts";
import {
  eventually,
  networkOf,
  noNamespaces,
  processesInNetwork,
} from "../../../support/understudy-process.ts";

const deps = {
  execPath: process.execPath,
  path: process.env.PATH ?? "",
  network: readHostNetwork(),
  clock: systemClock,
  uid: process.geteuid?.() ?? -1,
  gid: process.getegid?.() ?? -1,
};
const env = { PATH: process.env.PATH ?? "" };
const open = new Set<Namespace>();

async function start(change: Partial<Parameters<typeof openNamespace>[0]> = {}): Promise<Namespace> {
  const namespace = await openNamespace({ ...deps, ...change });
  open.add(namespace);
  return namespace;
}
afterEach(async () => {
  for (const namespace of open) {
    open.delete(namespace);
    await namespace.close();
    for (const server of namespace.servers) server.close();
    for (const socket of namespace.dns) socket.close();
  }
});

/** The original destination of the next connection to any listener, which is then reset. */
async function nextDestination(servers: readonly Server[]): Promise<HostPort | null> {
  const [socket] = (await Promise.race(servers.map((server) => once(server, "connection")))) as [Socket];
  const destination = originalDestination(socket);
  socket.destroy();
  return destination;
}

const dial = (host: string, port: number) => [
  process.execPath,
  "-e",
  `require("node:net").connect(${port}, "${host}").on("error", () => {}).on("close", () => process.exit(5))`,
];

describe("namespace", { skip: noNamespaces }, () => {
  for (const [host, port] of [
    ["198.51.100.7", 4321],
    ["127.0.0.1", 5432],
    ["::1", 5432],
    ["::ffff:198.51.100.9", 80],
  ] as const) {
    test(`a connection to ${host} is accepted here, with its destination`, async () => {
      const namespace = await start();
      const seen = nextDestination(namespace.servers);
      const ended = namespace.execute(dial(host, port), env);
      assert.deepEqual(await seen, { host: host.replace("::ffff:", ""), port });
      assert.deepEqual(await ended, { kind: "exited", code: 5 });
    });
  }

  test("dialling the acceptor itself is no redirection", async () => {
    const namespace = await start();
    const seen = nextDestination(namespace.servers);
    void namespace.execute(dial("127.0.0.1", redirectPort), env).catch(() => undefined);
    assert.equal(await seen, null);
  });

  test("port 1, which tests dial when they want a closed one, is a destination like any other", async () => {
    const namespace = await start();
    const seen = nextDestination(namespace.servers);
    void namespace.execute(dial("127.0.0.1", 1), env).catch(() => undefined);
    assert.deepEqual(await seen, { host: "127.0.0.1", port: 1 });
  });

  test("an ordinary socket was not redirected", async () => {
    const { createServer, connect } = await import("node:net");
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect((server.address() as { port: number }).port, "127.0.0.1");
    const [socket] = (await once(server, "connection")) as [Socket];
    assert.equal(originalDestination(socket), null);
    socket.destroy();
    assert.equal(originalDestination(socket), null);
    client.destroy();
    server.close();
  });

  test("a server inside is reached from here, unread, and nobody is null", async () => {
    const namespace = await start();
    const script = `require("node:net").createServer((s) => { s.write("hello"); s.on("data", (d) => s.end(d)); }).listen(2000, "127.0.0.1")`;
    const ended = namespace.execute([process.execPath, "-e", script], env).catch(() => undefined);
    const { signal } = new AbortController();
    let socket: Socket | null = null;
    while (!socket) socket = await namespace.connectInside({ host: "127.0.0.1", port: 2000 }, signal);
    socket.write("!");
    const heard: Buffer[] = [];
    for await (const chunk of socket) heard.push(chunk as Buffer);
    assert.equal(Buffer.concat(heard).toString(), "hello!");
    assert.equal(await namespace.connectInside({ host: "127.0.0.1", port: 2001 }, signal), null);
    await namespace.close();
    await ended;
  });

  test("a signal reaches the command", async () => {
    const namespace = await start();
    const ended = namespace.execute(["sleep", "600"], env);
    // The command may not have begun yet: a signal before is for nobody.
    let result: unknown;
    void ended.then((ending) => {
      result = ending;
    });
    while (result === undefined) {
      namespace.signal("SIGUSR1");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.deepEqual(result, { kind: "killed", signal: "SIGUSR1" });
  });

  test("a command that cannot be run is told", async () => {
    const namespace = await start({ isolations: isolationsToTry(deps.uid).slice(0, 1) });
    const ending = await namespace.execute(["/no/such/command"], env);
    // In a nested user namespace it is unshare that cannot run it, with the exit code of a shell.
    if (namespace.isolation.userNamespace) assert.deepEqual(ending, { kind: "exited", code: 127 });
    else assert.match(ending.kind === "not-started" ? ending.reason : "", /ENOENT/);
  });

  test("closing ends the command, and says so to whoever waits for it", async () => {
    const namespace = await start();
    const network = networkOf(namespace.pid);
    const ended = namespace.execute(["sleep", "600"], env);
    await namespace.close();
    await assert.rejects(ended, { code: "namespace_unavailable", message: /ended before the command did/ });
    assert.deepEqual(processesInNetwork(network), []);
  });

  test("without a PID namespace what the command leaves behind is swept", async () => {
    const isolations = isolationsToTry(deps.uid).filter(({ pidNamespace }) => !pidNamespace);
    const namespace = await start({ isolations });
    const network = networkOf(namespace.pid);
    assert.notEqual(network, networkOf("self"));
    const ending = await namespace.execute(["sh", "-c", "setsid sleep 600 & exit 3"], env);
    assert.deepEqual(ending, { kind: "exited", code: 3 });
    await namespace.close();
    assert.deepEqual(processesInNetwork(network), []);
  });

  test("without a PID namespace a killed helper leaves nothing behind either", async () => {
    const isolations = isolationsToTry(deps.uid).filter(({ pidNamespace }) => !pidNamespace);
    const namespace = await start({ isolations });
    const network = networkOf(namespace.pid);
    const ended = namespace.execute(["sh", "-c", "setsid sleep 600 & sleep 600"], env);
    await eventually("the command runs", () => processesInNetwork(network).length >= 5);
    process.kill(namespace.pid, "SIGKILL"); // unshare; the helper dies with it, the rest does not
    await assert.rejects(ended, { code: "namespace_unavailable" });
    await eventually("all are gone", () => processesInNetwork(network).length === 0);
  });

  test("what stands in the way is told, by the tool's own words", async () => {
    await assert.rejects(openNamespace({ ...deps, execPath: "/no/such/node" }), {
      code: "namespace_unavailable",
      message: /\/no\/such\/node/,
    });
  });
});
