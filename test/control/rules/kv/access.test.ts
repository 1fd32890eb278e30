// Secrets and certificates on the way to real servers: wrong ones are told, exchanged ones are taken up, none is shown.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServer } from "node:tls";
import { openStore } from "../../../../src/control/rules/kv/open-store.ts";
import { storeSource } from "../../../../src/control/rules/sources/store-source.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { systemRandom } from "../../../../src/core/random.ts";
import type { RuleSnapshot } from "../../../../src/core/rule-source.ts";
import { noAccess } from "../../../../src/core/store-access.ts";
import { parseStoreUrl } from "../../../../src/core/store-url.ts";
import { testAuthority } from "../../../support/https.ts";
import { eventually, lacks, startCluster } from "../../../support/store-servers.ts";

const never = new AbortController().signal;
const deps = { clock: systemClock, random: systemRandom };
const master = "11111111-2222-3333-4444-555555555555";

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "understudy-access-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("consul: a token that is revoked leaves the rules as they are; a new one in the file is taken up", {
  skip: lacks("consul"),
}, async (context) => {
  const acl = `acl{enabled=true,default_policy="deny",tokens{master="${master}",agent="${master}"}}`;
  const cluster = await startCluster("consul", 1, [`-hcl=${acl}`]);
  context.after(() => cluster.close());
  const api = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${cluster.servers[0]?.port}/v1${path}`, {
      method,
      headers: { "x-consul-token": master },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await response.json()) as { SecretID: string; AccessorID: string };
  };
  await eventually("tokens can be made", () =>
    api("PUT", "/acl/policy", { Name: "r", Rules: 'key_prefix "" { policy = "write" }' }).then(
      () => true,
      () => false,
    ),
  );
  const makeToken = () => api("PUT", "/acl/token", { Policies: [{ Name: "r" }] });
  const first = await makeToken();
  const file = join(folder(context), "token");
  writeFileSync(file, `${first.SecretID}\n`);
  const store = await cluster.client({ token: { from: "file", file } });
  const writer = await cluster.client({ token: { from: "text", text: master } });
  const stranger = await cluster.client({
    token: { from: "text", text: "99999999-2222-3333-4444-555555555555" },
  });
  context.after(() => {
    for (const one of [store, writer, stranger]) one.close();
  });
  await assert.rejects(stranger.read("r/", never), (thrown: Error) => {
    assert.match(thrown.message, /: forbidden \(ACL not found\)$/);
    assert.doesNotMatch(thrown.message, /99999999/);
    return true;
  });
  const belonging = { service: null, namespace: null };
  const tap = { observe: () => undefined };
  const source = storeSource({ store, prefix: "r/", belonging, lastGood: null }, { ...deps, tap });
  const stop = new AbortController();
  const heard: RuleSnapshot[] = [];
  const following = (async () => {
    for await (const snapshot of source.watch(stop.signal)) heard.push(snapshot);
  })();
  const names = () =>
    heard
      .at(-1)
      ?.rules.map(({ name }) => name)
      .join() ?? "nothing";
  await writer.commit([], [{ put: "r/a", value: "respond: {}" }], never);
  await eventually("the first rule", () => names() === "a");
  await api("DELETE", `/acl/token/${first.AccessorID}`);
  // A change ends the blocking query, and the next one is refused.
  await writer.commit([], [{ put: "r/b", value: "respond: {}" }], never);
  await eventually("refused", () => /ACL not found/.test(source.state().reason));
  assert.ok(["a", "a,b"].includes(names()), names());
  writeFileSync(file, (await makeToken()).SecretID);
  await writer.commit([], [{ put: "r/c", value: "respond: {}" }], never);
  await eventually("all rules", () => names() === "a,b,c");
  stop.abort();
  await following;
});

test("etcd: user and password are asked for, and wrong ones told without them", {
  skip: lacks("etcd"),
}, async (context) => {
  const cluster = await startCluster("etcd", 1);
  context.after(() => cluster.close());
  const etcdctl = (...args: readonly string[]) =>
    execFileSync("etcdctl", ["--endpoints", `127.0.0.1:${cluster.servers[0]?.port}`, ...args], {
      env: { PATH: process.env.PATH, ETCDCTL_API: "3" },
      stdio: "ignore",
    });
  etcdctl("user", "add", "root:s3cret");
  etcdctl("user", "grant-role", "root", "root");
  etcdctl("auth", "enable");
  const right = await cluster.client({ user: "root", password: { from: "text", text: "s3cret" } });
  const wrong = await cluster.client({ user: "root", password: { from: "text", text: "gu3ss" } });
  const nobody = await cluster.client();
  context.after(() => {
    for (const store of [right, wrong, nobody]) store.close();
  });
  assert.equal((await right.commit([], [{ put: "r/a", value: "1" }], never)).kind, "done");
  for await (const view of right.views("r/", never, () => 1_000)) {
    assert.equal(view.keys[0]?.value, "1");
    break;
  }
  await assert.rejects(wrong.read("r/", never), (thrown: Error) => {
    assert.match(thrown.message, /authentication failed/);
    assert.doesNotMatch(thrown.message, /gu3ss/);
    return true;
  });
  await assert.rejects(nobody.read("r/", never), { code: "store_unavailable" });
});

for (const kind of ["consul", "etcd"] as const) {
  test(`${kind}: TLS with an authority and a certificate of one's own`, {
    skip: lacks(kind),
  }, async (context) => {
    const cluster = await startCluster(kind, 1);
    context.after(() => cluster.close());
    const authority = await testAuthority();
    const leaf = await authority.issue("localhost");
    // The server's own TLS is not what is tested: this stands before it, and asks for a certificate.
    const guard = createServer(
      {
        cert: leaf.chain,
        key: leaf.key,
        ca: authority.trust,
        requestCert: true,
        rejectUnauthorized: false,
        ALPNProtocols: ["h2", "http/1.1"],
      },
      (socket) => {
        certified.push(socket.getPeerCertificate().subject !== undefined);
        const server = connect(cluster.servers[0]?.port ?? 0, "127.0.0.1");
        socket.pipe(server).pipe(socket);
        for (const one of [socket, server]) one.on("error", () => void socket.destroy());
      },
    );
    const certified: boolean[] = [];
    guard.on("tlsClientError", () => undefined);
    guard.listen(0, "127.0.0.1");
    await once(guard, "listening");
    const at = folder(context);
    const files = { ca: join(at, "ca.pem"), cert: join(at, "cert.pem"), key: join(at, "key.pem") };
    writeFileSync(files.ca, authority.trust);
    writeFileSync(files.cert, leaf.chain);
    writeFileSync(files.key, leaf.key);
    const url =
      parseStoreUrl(`${kind}+https://localhost:${(guard.address() as AddressInfo).port}`) ?? assert.fail();
    const trusting = await openStore(url, { ...noAccess, ...files }, deps);
    const distrusting = await openStore(url, noAccess, deps);
    const lacking = await openStore(url, { ...noAccess, ca: join(at, "none.pem") }, deps);
    context.after(() => {
      for (const store of [trusting, distrusting, lacking]) store.close();
      guard.close();
    });
    assert.equal((await trusting.commit([], [{ put: "r/a", value: "1" }], never)).kind, "done");
    assert.ok(certified.length > 0 && certified.every((one) => one));
    await assert.rejects(distrusting.read("r/", never), { code: "store_unavailable" });
    await assert.rejects(lacking.read("r/", never), /none\.pem: expected a file that can be read/);
  });
}
