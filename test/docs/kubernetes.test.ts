// config/kubernetes.yaml and docs/kubernetes.md: what stands there exists, and its parts fit together.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { commandEntries } from "../../src/commands/entries.ts";
import { findCommand, helpFor } from "../../src/commands/help.ts";
import { readCommandLine } from "../../src/commands/options.ts";
import { runRedirect } from "../../src/commands/redirect.ts";
import { parseRules } from "../../src/control/rules/parse.ts";
import { fakeShell } from "../support/fake-shell.ts";
import { readPodManifest } from "../support/pod-manifest.ts";

const page = readFileSync(new URL("../../docs/kubernetes.md", import.meta.url), "utf8");
const { rules, graceSeconds, sidecar, redirect, service } = readPodManifest();

async function sidecarConfig() {
  const [command = "", ...args] = sidecar.args ?? [];
  const line = await readCommandLine(args, fakeShell(), {
    command,
    operands: "none",
    withoutOptions: ["to"],
  });
  assert.ok(command === "sidecar" && line !== "help");
  return line.config;
}

async function redirectProgram(args: readonly string[] = (redirect.args ?? []).slice(1)): Promise<string> {
  const shell = fakeShell();
  const never = () => assert.fail("nothing is installed");
  assert.equal(await runRedirect([...args, "--dry-run"], shell, never), 0);
  return shell.out();
}

test("kubernetes: the sidecar's flags exist, and its probes ask where it answers", async () => {
  const { admin, rules: folder } = await sidecarConfig();
  assert.equal(admin?.host, "::", "the kubelet asks from outside");
  for (const probe of [sidecar.startupProbe, sidecar.livenessProbe])
    assert.deepEqual(probe?.httpGet, { path: "/healthz", port: admin?.port });
  assert.ok(sidecar.volumeMounts.some(({ mountPath }) => mountPath === folder));
});

test("kubernetes: the redirection spares the sidecar's user, its admin port and the service's probe", async () => {
  assert.equal(redirect.args?.[0], "redirect");
  const program = await redirectProgram();
  const { admin } = await sidecarConfig();
  assert.match(program, new RegExp(`meta skuid ${sidecar.securityContext.runAsUser} return`));
  assert.notEqual(service.securityContext.runAsUser, sidecar.securityContext.runAsUser);
  const spared = /tcp dport \{ ([\d, ]+) \} return/.exec(program)?.[1]?.split(", ") ?? [];
  for (const port of [admin?.port, service.readinessProbe?.httpGet.port])
    assert.ok(spared.includes(String(port)), `${port} among ${spared}`);
});

test("kubernetes: nobody has more rights than the page says, and the sidecar outlasts its drain", async () => {
  assert.deepEqual(sidecar.securityContext.capabilities, { drop: ["ALL"], add: [] });
  assert.deepEqual(redirect.securityContext.capabilities, { drop: ["ALL"], add: ["NET_ADMIN"] });
  for (const { securityContext } of [sidecar, redirect]) {
    assert.equal(securityContext.allowPrivilegeEscalation, false);
    assert.equal(securityContext.readOnlyRootFilesystem, true);
  }
  assert.deepEqual([sidecar.restartPolicy, redirect.restartPolicy], ["Always", undefined]);
  assert.equal(redirect.securityContext.runAsUser, 0);
  const { settings } = await sidecarConfig();
  assert.ok(graceSeconds * 1000 > settings.deadlines.drainMs * 2);
});

test("kubernetes: the rules of the ConfigMap are rules", () => {
  for (const [file, text] of Object.entries(rules)) {
    const parsed = parseRules(text, file);
    assert.deepEqual(parsed.problems, []);
    assert.ok(parsed.rules.length > 0);
  }
});

test("kubernetes: every command and flag that the page names exists", async () => {
  const said = [...page.matchAll(/understudy ((?:sidecar|redirect|faults|rules)[^`\n#]*)/g)].map(
    ([, words = ""]) => words.trim(),
  );
  assert.ok(said.length >= 8, said.join("\n"));
  for (const words of said) {
    const { entry } = findCommand(words.split(" "), commandEntries);
    const help = `${await helpFor(entry.name.split(" "), commandEntries)}${await helpFor(["options"], commandEntries)}`;
    for (const [flag] of words.matchAll(/--[a-z-]+/g)) assert.ok(help.includes(flag), `${words}: ${flag}`);
  }
  const options = await helpFor(["options"], commandEntries);
  const redirectHelp = await helpFor(["redirect"], commandEntries);
  for (const [, flag = ""] of page.matchAll(/`(--[a-z-]+)/g))
    assert.ok(options.includes(flag) || redirectHelp.includes(flag), flag);
  const [taking = ""] = said.filter((words) => words.includes("--outbound-port"));
  assert.match(await redirectProgram(taking.split(" ").slice(1)), /15091/);
});
