// The containers of config/kubernetes.yaml, each with the rights that it asks for there and no others, in a network namespace
// that stands for the pod; its neighbour stands for the node and the world.

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectNetworks, type Network, noNetworks, openNetwork } from "../support/networks.ts";
import { type PodContainer, readPodManifest } from "../support/pod-manifest.ts";
import { ready } from "../support/ready-process.ts";
import { users } from "../support/understudy-process.ts";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
const manifest = readPodManifest();
const podAddress = "10.99.0.1";
const worldAddress = "10.99.0.2";

const servers = `
  const { createServer } = require("node:http");
  for (const port of [8080, 8081])
    createServer((request, response) => response.end("really " + request.url)).listen(port, "::", () => console.log("ready"));
`;

/** The words of a container: its user, its capabilities, no new privileges, and a root that nobody can write. */
function contained({ securityContext, args = [] }: PodContainer, rulesFolder: string): readonly string[] {
  const { runAsUser, capabilities } = securityContext;
  assert.deepEqual(capabilities.drop, ["ALL"]);
  const set = ["-all", ...capabilities.add.map((name) => `+${name.toLowerCase()}`)].join(",");
  const rights = [`--reuid=${runAsUser}`, `--regid=${runAsUser}`, "--clear-groups", "--no-new-privs"];
  const words = args.map((word) => (word === "/rules" ? rulesFolder : word));
  return [
    ...["unshare", "--mount", "sh", "-c", 'mount -o remount,ro,bind / && exec "$@"', "sh"],
    ...["env", "-i", `PATH=${process.env.PATH}:/usr/sbin:/sbin`],
    ...["setpriv", `--bounding-set=${set}`, "--inh-caps=-all", ...rights],
    ...[process.execPath, program, ...words],
  ];
}

describe("kubernetes: the pod of the manifest", {
  skip: users[0]?.skip || users[1]?.skip || noNetworks,
}, () => {
  const rulesFolder = mkdtempSync(join(tmpdir(), "understudy-pod-"));
  let pod: Network;
  let world: Network;
  let sidecar: ChildProcess;

  const startSidecar = () => ready(pod.start(...contained(manifest.sidecar, rulesFolder)), /"msg":"started"/);
  const curl = (from: Network, ...words: string[]) =>
    from.run("curl", "-sS", "--max-time", "10", "-w", " %{http_code}", ...words);
  const asService = () => [
    "setpriv",
    `--reuid=${manifest.service.securityContext.runAsUser}`,
    "--clear-groups",
  ];
  const charge = (): string => {
    const words = ["-X", "POST", "-H", "Host: payments.shop.svc", `http://${worldAddress}:8080/v1/charges`];
    return pod.run(...asService(), "curl", "-sS", "--max-time", "10", "-w", " %{http_code}", ...words);
  };

  before(async () => {
    chmodSync(rulesFolder, 0o755);
    for (const [file, text] of Object.entries(manifest.rules)) writeFileSync(join(rulesFolder, file), text);
    pod = await openNetwork();
    world = await openNetwork(pod);
    connectNetworks(pod, world);
    await ready(pod.start(...asService(), process.execPath, "-e", servers), /ready\nready/);
    await ready(world.start(process.execPath, "-e", servers), /ready\nready/);
    sidecar = await startSidecar();
  });
  after(async () => {
    await world.close();
    await pod.close();
    rmSync(rulesFolder, { recursive: true });
  });

  test("the probes of the sidecar are answered from outside, and changes are not taken from there", () => {
    for (const probe of [manifest.sidecar.startupProbe, manifest.sidecar.livenessProbe]) {
      const { path, port } = probe?.httpGet ?? assert.fail();
      assert.match(curl(world, `http://${podAddress}:${port}${path}`), / 200$/);
    }
    assert.match(curl(world, "-X", "POST", `http://${podAddress}:15090/faults/stop`), / 403$/);
  });

  test("NET_ADMIN alone installs the redirection, and nothing less does", () => {
    const without = { ...manifest.redirect.securityContext, capabilities: { drop: ["ALL"], add: [] } };
    const powerless = contained({ ...manifest.redirect, securityContext: without }, rulesFolder);
    assert.throws(() => pod.run(...powerless), /CAP_NET_ADMIN in this network namespace/);
    assert.equal(pod.run(...contained(manifest.redirect, rulesFolder)), "redirection installed\n");
  });

  test("calls of the service meet the rules, calls to it pass, its probe is left alone", () => {
    assert.equal(charge(), '{"error":"card_declined"} 402');
    assert.equal(curl(world, `http://${podAddress}:8080/in`), "really /in 200");
    const { path, port } = manifest.service.readinessProbe?.httpGet ?? assert.fail();
    assert.equal(curl(world, `http://${podAddress}:${port}${path}`), `really ${path} 200`);
    const journal = curl(pod, "http://127.0.0.1:15090/journal");
    assert.ok(journal.includes('"path": "/in"') && !journal.includes(`"path": "${path}"`), journal);
  });

  test("faults are stopped from inside, with the sidecar's own rights", () => {
    const words = contained({ ...manifest.sidecar, args: ["faults", "stop"] }, rulesFolder);
    assert.match(pod.run(...words), /^faults are stopped/);
  });

  test("while the sidecar is gone calls are refused; started again it serves them, and SIGTERM ends it", async () => {
    sidecar.kill("SIGKILL");
    await once(sidecar, "exit");
    assert.throws(charge, /curl: \(7\)/);
    sidecar = await startSidecar();
    assert.equal(charge(), '{"error":"card_declined"} 402');
    sidecar.kill("SIGTERM");
    const [code] = await once(sidecar, "exit");
    assert.equal(code, 0);
  });
});
