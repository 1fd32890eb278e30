// A sidecar whose way to the store is cut: two network namespaces and a cable. It goes on with its last good rules, drops
// those of an owner within their lease, takes what is new once the cable is back, and nothing that was replaced returns.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectNetworks, type Network, noNetworks, openNetwork } from "../support/networks.ts";
import { eventually, lacks, programs, type StoreKind } from "../support/store-servers.ts";
import { startTraffic } from "../support/traffic.ts";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
/** Where the store listens, which the cable leads to. */
const storeHost = "10.99.1.1";
const ports = { consul: 8_500, etcd: 2_379, upstream: 8_000, sidecar: 8_001 };
/** The shortest that each store keeps to. */
const leaseMs = { consul: 20_000, etcd: 4_000 };
/** Between the end of a lease and the next answer, on a busy machine. */
const slackMs = 2_000;

for (const kind of ["etcd", "consul"] as const)
  test(`${kind} cut off: the last good rules stay, leased ones end in time, nothing stale returns`, {
    skip: noNetworks || lacks(kind),
    timeout: 120_000,
  }, async (context) => {
    const { folder, far, near, cable } = await openWorld(context);
    startStore(kind, far, join(folder, "data"));
    const url = `${kind}://${storeHost}:${ports[kind]}`;
    const apply = (round: number) => {
      const rules = [{ name: "round", respond: { body: `round ${round}` } }];
      const file = join(folder, "round.json");
      writeFileSync(file, JSON.stringify({ version: 1, rules }));
      far.run(process.execPath, program, "rules", "apply", file, "--store", url);
    };
    await eventually("the store takes rules", () => succeeds(() => apply(1)));
    const hear = startTraffic(near, ports);
    near
      .start(
        ...[process.execPath, program, "proxy", "--store", url, "--admin", "off"],
        ...["--listen", `127.0.0.1:${ports.sidecar}`, "--to", `127.0.0.1:${ports.upstream}`],
        ...["--state-dir", join(folder, "state")],
      )
      .stderr?.resume();
    await eventually("round 1 is in force", () => hear.bodies().at(-1) === "round 1");

    const owner = startOwner(far, folder, url, leaseMs[kind]);
    await eventually("the owner's rule is in force", () => hear.bodies().at(-1) === "leased");

    const cutAt = Date.now();
    cable.pull();
    owner.kill("SIGKILL");
    apply(2);
    await eventually("the owner's rule is gone", () => hear.bodies().at(-1) === "round 1");
    assert.ok(hear.lastAtMs() - cutAt < leaseMs[kind] + slackMs, `${hear.lastAtMs() - cutAt} ms`);
    const ls = () => far.run(process.execPath, program, "rules", "ls", "--store", url);
    await eventually("the store has ended the lease", () => !ls().includes("leased"));
    apply(3);
    assert.equal(hear.bodies().at(-1), "round 1", "the last good rules stay");

    cable.plug();
    await eventually("round 3 is in force", () => hear.bodies().at(-1) === "round 3");
    const { calls, lost } = await hear.end();
    assert.deepEqual(hear.bodies(), ["round 1", "leased", "round 1", "round 3"]);
    assert.deepEqual(lost, []);
    assert.ok(calls > 100, `${calls} calls`);
  });

async function openWorld(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "understudy-cut-off-"));
  const far = await openNetwork();
  const near = await openNetwork(far);
  context.after(async () => {
    await Promise.all([far.close(), near.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const cable = connectNetworks(far, near);
  // Not on the cable itself, so that the store can be reached at its own end while the cable is pulled.
  far.run("ip", "address", "add", `${storeHost}/32`, "dev", "lo");
  near.run("ip", "route", "add", storeHost, "via", "10.99.0.1");
  return { folder, far, near, cable };
}

function startStore(kind: StoreKind, far: Network, data: string): void {
  const url = `http://${storeHost}:${ports.etcd}`;
  const args = {
    consul: [
      ...["agent", "-server", "-bootstrap-expect=1", "-node=n", `-data-dir=${data}`, "-bind=127.0.0.1"],
      ...[`-client=${storeHost}`, "-hcl=performance{raft_multiplier=1}", "-hcl=disable_update_check=true"],
    ],
    etcd: [
      ...["--data-dir", data, "--log-level", "error", "--logger", "zap"],
      ...["--listen-client-urls", url, "--advertise-client-urls", url],
    ],
  };
  const store = far.start(programs[kind], ...args[kind]);
  store.stdout?.resume();
  store.stderr?.resume();
}

function startOwner(far: Network, folder: string, url: string, withinMs: number) {
  const file = join(folder, "leased.json");
  const rules = [{ name: "leased", priority: 1, respond: { body: "leased" } }];
  writeFileSync(file, JSON.stringify({ version: 1, rules }));
  const lease = `${withinMs / 1_000}s`;
  const owner = far.start(
    process.execPath,
    program,
    "rules",
    "apply",
    file,
    "--store",
    url,
    "--lease",
    lease,
  );
  owner.stdout?.resume();
  owner.stderr?.resume();
  return owner;
}

function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
