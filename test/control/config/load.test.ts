// Configuration: which layer wins, and the exact message for each way to get it wrong.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type Config, type ConfigSources, loadConfig } from "../../../src/control/config/load.ts";
import { allOptions, flagOf, variableOf } from "../../../src/control/config/options.ts";
import { UnderstudyError } from "../../../src/core/errors.ts";
import { defaultSettings } from "../../../src/core/settings.ts";

interface Layers {
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Text of understudy.yaml. */
  readonly file?: string;
  readonly defaults?: ConfigSources["defaults"];
}

function load(layers: Layers): Promise<Config> {
  return loadConfig({
    flags: new Map(Object.entries(layers.flags ?? {})),
    env: layers.env ?? {},
    file: layers.file === undefined ? undefined : "understudy.yaml",
    readFile: async () => Buffer.from(layers.file ?? assert.fail("nothing to read")),
    defaults: layers.defaults ?? {},
  });
}

/** The lines of the error. */
async function mistakes(layers: Layers): Promise<readonly string[]> {
  const error = await load(layers).then(
    () => assert.fail("was accepted"),
    (thrown) => thrown,
  );
  assert.ok(error instanceof UnderstudyError, String(error));
  assert.equal(error.code, "bad_config");
  return error.message.split("\n");
}

const proxyDefaults = {
  listen: { host: "127.0.0.1", port: 15_080 },
  admin: { host: "127.0.0.1", port: 15_090 },
};
const shipped = await readFile(new URL("../../../config/understudy.yaml", import.meta.url), "utf8");
/** Every option that is commented out, taken in. */
const everything = shipped.replace(/^( *)#(\w+:)/gm, "$1$2");

test("config: the shipped file changes nothing, as it is and with every option taken in", async () => {
  const plain = await load({ defaults: proxyDefaults });
  assert.deepEqual(plain.settings, defaultSettings);
  assert.deepEqual(await load({ file: shipped, defaults: proxyDefaults }), plain);
  assert.deepEqual(await load({ file: everything, defaults: {} }), plain);
});

test("config: the shipped file names every option with a comment before it", () => {
  const lines = everything.split("\n");
  let section = "";
  const named: string[] = [];
  lines.forEach((line, index) => {
    const [, indent = "", name = "", rest = ""] = /^( *)(\w+):(.*)$/.exec(line) ?? [];
    if (name === "") return;
    if (rest === "") section = `${name}.`;
    else {
      named.push(indent === "" ? name : section + name);
      assert.match(lines[index - 1] ?? "", /^ *# \S/, `${name} has no comment`);
    }
  });
  assert.deepEqual(
    named,
    allOptions.map(({ key }) => key),
  );
});

test("config: every option is read alike from flag, variable and file", async () => {
  const plain = await load({ defaults: proxyDefaults });
  const texts: Readonly<Record<string, string>> = {
    listen: "0.0.0.0:81",
    outbound: "[::1]:82",
    inbound: ":83",
    to: "old.shop:84",
    admin: "off",
    adminHosts: "a.svc,b.svc",
    rules: "/etc/rules",
    store: "etcd+https://a:1,b/team/rules",
    upstreamProxy: "http://me:secret@proxy.test:3128",
    upstreamProxyExcept: "shop.test,10.0.0.0/8",
    storeTokenFile: "/run/token",
    storeUser: "alice",
    storePasswordFile: "/run/password",
    storeCa: "/etc/ca.pem",
    storeCert: "/etc/cert.pem",
    storeKey: "/etc/key.pem",
    service: "payments",
    namespace: "shop",
    stateDir: "/var/lib/understudy",
    storeRequired: "true",
    zone: "eu-1a",
    gossip: "127.0.0.1:7946",
    gossipAdvertise: "10.0.0.7:7946",
    join: "10.0.0.8:7946,mesh.shop.svc,store:",
    name: "cart-1",
    gossipKey: "/etc/gossip.keys",
    gossipLabel: "blue",
    gossipPlain: "true",
    appHealth: "grpc://127.0.0.1:50051/shop.v1.Cart",
    logLevel: "warn",
    quiet: "true",
    json: "yes",
    "limits.maxHeadBytes": "8KiB",
    "limits.maxHeaders": "9",
    "limits.maxConnections": "10",
    "limits.maxRuleBodyBytes": "11",
    portHints: "5432=detect,8080=http/1,9=opaque",
    opaqueHosts: "old.shop:8080",
    journalCalls: "0",
    maxRuleLabels: "13",
    accessLogLinesPerSecond: "14",
    "tls.caDir": "/etc/ca",
    "tls.upstreamCas": "/etc/a.pem,/etc/b.pem",
    "tls.insecureUpstream": "old.shop,older.shop:8443",
    "tls.clientCertificates": "bank.test=/me.pem:/me.key",
  };
  for (const { key } of allOptions) {
    const text = texts[key] ?? "12s";
    const [section = "", name] = key.split(".");
    const asYaml = name === undefined ? `${section}: "${text}"` : `${section}:\n  ${name}: "${text}"`;
    if (key === "storeRequired") continue; // not without a store
    const byFlag = await load({ flags: { [key]: text }, defaults: proxyDefaults });
    assert.notDeepEqual(byFlag, plain, key);
    assert.deepEqual(await load({ env: { [variableOf(key)]: text }, defaults: proxyDefaults }), byFlag, key);
    assert.deepEqual(await load({ file: asYaml, defaults: proxyDefaults }), byFlag, key);
  }
});

test("config: a flag wins over a variable, a variable over the file, the file over the default", async () => {
  const layers = {
    flags: { journalCalls: "1" },
    env: { UNDERSTUDY_JOURNAL_CALLS: "2", UNDERSTUDY_MAX_RULE_LABELS: "2", UNDERSTUDY_LISTEN: "" },
    file: "journalCalls: 3\nmaxRuleLabels: 3\naccessLogLinesPerSecond: 3\nlisten: :3\n",
  };
  const { settings, listen } = await load({ ...layers, defaults: proxyDefaults });
  assert.deepEqual(
    [settings.journalCalls, settings.maxRuleLabels, settings.accessLogLinesPerSecond],
    [1, 2, 3],
  );
  assert.deepEqual(listen, { host: "127.0.0.1", port: 3 });
});

test("config: paths of TLS are meant as seen from the file that names them", async () => {
  const { tls } = await loadConfig({
    flags: new Map(),
    env: {},
    file: "/etc/understudy/understudy.yaml",
    readFile: async () =>
      Buffer.from(
        [
          "tls:",
          "  caDir: ca",
          "  upstreamCas: [a.pem, /b.pem]",
          "  clientCertificates: {bank.test: {cert: me.pem, key: /me.key}}",
        ].join("\n"),
      ),
  });
  assert.equal(tls.caDir, "/etc/understudy/ca");
  assert.deepEqual(tls.upstreamCas, ["/etc/understudy/a.pem", "/b.pem"]);
  assert.deepEqual(
    [...tls.clientCertificates],
    [["bank.test", { cert: "/etc/understudy/me.pem", key: "/me.key" }]],
  );
});

test("config: YAML may use its own types", async () => {
  const file = [
    "quiet: yes",
    "admin: false",
    "limits: {maxHeadBytes: 8192, maxHeaders: 7}",
    "portHints:",
    "  3306: detect",
    "  8080: http/1",
    "opaqueHosts: [a.shop, 'b.shop:80', 'b\u00fccher.shop:80']",
  ].join("\n");
  const config = await load({ file });
  assert.equal(config.quiet, true);
  assert.equal(config.admin, null);
  assert.equal(config.settings.limits.maxHeadBytes, 8_192);
  assert.equal(config.settings.portHints.has(3306), false);
  assert.equal(config.settings.portHints.get(8080), "http/1");
  assert.equal(config.settings.portHints.get(5432), "opaque");
  assert.deepEqual(config.settings.opaqueHosts, ["a.shop", "b.shop:80", "xn--bcher-kva.shop:80"]);
});

test("config: a path in the file is meant as seen from the file", async () => {
  const rulesOf = async (text: string) =>
    (
      await loadConfig({
        flags: new Map(),
        env: { UNDERSTUDY_CONFIG: "conf/understudy.yaml" },
        readFile: async () => Buffer.from(text),
      })
    ).rules;
  assert.equal(await rulesOf("rules: mocks/shop.yaml"), "conf/mocks/shop.yaml");
  assert.equal(await rulesOf("rules: /etc/shop.yaml"), "/etc/shop.yaml");
  assert.equal(await rulesOf("rules: off"), null);
  assert.equal((await load({ flags: { rules: "shop.yaml" } })).rules, "shop.yaml");
});

const wrong: readonly [layers: Layers, message: string][] = [
  [{ flags: { listen: "x" } }, '--listen: expected an address such as 127.0.0.1:8080, got "x"'],
  [
    { env: { UNDERSTUDY_LISTEN: "x:99999" } },
    'UNDERSTUDY_LISTEN: expected an address such as 127.0.0.1:8080, got "x:99999"',
  ],
  [{ flags: { admin: "x" } }, '--admin: expected an address such as 127.0.0.1:8080, or off, got "x"'],
  [{ flags: { outbound: "off" } }, '--outbound: expected an address such as 127.0.0.1:8080, got "off"'],
  [
    { file: "# one\n\nlimits:\n  maxHeadBytes: big\n" },
    'understudy.yaml:4: limits.maxHeadBytes: expected a size such as 64KiB, got "big"',
  ],
  [
    { flags: { "limits.maxHeadBytes": "1B" } },
    '--limits-max-head-bytes: expected a size from 1KiB to 16MiB, got "1B"',
  ],
  [
    { file: "deadlines:\n  headMs: 30" },
    "understudy.yaml:2: deadlines.headMs: expected a duration such as 30s, got 30",
  ],
  [
    { env: { UNDERSTUDY_DEADLINES_IDLE_MS: "0" } },
    'UNDERSTUDY_DEADLINES_IDLE_MS: expected a duration from 1ms to 24d, got "0"',
  ],
  [
    { flags: { "deadlines.idleMs": "25d" } },
    '--deadlines-idle-ms: expected a duration from 1ms to 24d, got "25d"',
  ],
  [{ flags: { journalCalls: "-1" } }, '--journal-calls: expected a whole number from 0 to 1000000, got "-1"'],
  [{ flags: { logLevel: "loud" } }, '--log-level: expected one of debug, info, warn, error, got "loud"'],
  [{ env: { UNDERSTUDY_QUIET: "maybe" } }, 'UNDERSTUDY_QUIET: expected true or false, got "maybe"'],
  [{ flags: { rules: "" } }, '--rules: expected a path of a file or folder, or off, got ""'],
  [
    { file: "opaqueHosts: [a, 'b c']" },
    'understudy.yaml:1: opaqueHosts: expected hosts such as old.shop or old.shop:8080, got ["a","b c"]',
  ],
  [
    { file: "portHints: {3306: mysql}" },
    'understudy.yaml:1: portHints: expected ports with opaque, http/1 or detect, such as 3306: opaque (as text 3306=opaque), got {"3306":"mysql"}',
  ],
  [
    { flags: { portHints: "0=opaque" } },
    '--port-hints: expected ports with opaque, http/1 or detect, such as 3306: opaque (as text 3306=opaque), got "0=opaque"',
  ],
  [{ file: "rules:" }, "understudy.yaml:1: rules: expected a path of a file or folder, or off, got nothing"],
  [{ file: "lsten: :1" }, "understudy.yaml:1: lsten: no such option; did you mean listen?"],
  [{ file: "frobnicate: 1" }, "understudy.yaml:1: frobnicate: no such option"],
  [
    { file: "limits:\n  maxHeadByte: 1KiB" },
    "understudy.yaml:2: limits.maxHeadByte: no such option; did you mean limits.maxHeadBytes?",
  ],
  [{ file: "headMs: 30s" }, "understudy.yaml:1: headMs: no such option; did you mean deadlines.headMs?"],
  [{ file: "limits: 5" }, 'understudy.yaml:1: limits: expected options as "name: value" lines'],
  [{ file: "- a" }, 'understudy.yaml: expected options as "name: value" lines'],
  [{ file: "quiet: true\nquiet: false" }, "understudy.yaml:2: this key is written twice"],
  [
    { file: "quiet: true\n---\nquiet: false" },
    "understudy.yaml:2: expected one document, got --- and a second one",
  ],
  [
    { file: "quiet: true\nopaqueHosts: *hosts" },
    "understudy.yaml:2: opaqueHosts: Unresolved alias (the anchor must be set before the alias): hosts",
  ],
  [
    { flags: { "deadlines.detectMs": "2s", "deadlines.headMs": "1s" } },
    "--deadlines-detect-ms: expected at most deadlines.headMs (1s), got 2s",
  ],
  [
    { flags: { admin: "127.0.0.1:15080" }, defaults: proxyDefaults },
    "--admin: expected an address of its own, but 127.0.0.1:15080 is also that of listen",
  ],
  [
    { flags: { storeRequired: "true" } },
    "--store-required: expected a store beside it (--store URL), got none",
  ],
  [
    { file: "storeRequired: true" },
    "understudy.yaml:1: storeRequired: expected a store beside it (--store URL), got none",
  ],
  [
    { flags: { "tls.clientCertificates": "bank.test=me.pem" } },
    '--client-certificates: expected hosts with the files of a certificate and its key, such as bank.test=me.pem:me.key, got "bank.test=me.pem"',
  ],
  [
    { file: "tls:\n  clientCertificates: [a]" },
    'understudy.yaml:2: tls.clientCertificates: expected hosts with the files of a certificate and its key, such as bank.test: {cert: me.pem, key: me.key}, got ["a"]',
  ],
];

test("config: each mistake is told with its place, what was expected and what stood there", async () => {
  for (const [layers, message] of wrong) assert.deepEqual(await mistakes(layers), [message]);
});

test("config: a store that is required in the file, and switched off for once", async () => {
  const file = "store: consul://127.0.0.1:8500\nstoreRequired: true\n";
  assert.equal((await load({ file })).store.required, true);
  assert.equal((await load({ file, flags: { store: "off" } })).store.url, null);
});

test("config: all mistakes are told at once", async () => {
  const layers = { flags: { listen: "x" }, env: { UNDERSTUDY_JSON: "x" }, file: "quiet: x\nfoo: 1\n" };
  assert.equal((await mistakes(layers)).length, 4);
});

test("config: broken YAML is told with its line, and nothing else of it", async () => {
  const [line = "", ...others] = await mistakes({ file: "listen: :1\nlimits: {maxHeadBytes: [\n" });
  assert.match(line, /^understudy\.yaml:[23]: /);
  assert.ok(others.every((other) => other.startsWith("understudy.yaml:")));
});

test("config: a file that cannot be read is told by the name of what asked for it", async () => {
  const readFile = () => Promise.reject(new Error("ENOENT: no such file"));
  const base = { flags: new Map<string, string>(), readFile };
  await assert.rejects(loadConfig({ ...base, env: {}, file: "a" }), {
    message: "--config: expected a file that can be read: ENOENT: no such file",
  });
  await assert.rejects(loadConfig({ ...base, env: { UNDERSTUDY_CONFIG: "a" } }), {
    message: "UNDERSTUDY_CONFIG: expected a file that can be read: ENOENT: no such file",
  });
  const latin1 = async () => Buffer.from("# caf\n# caf\xe9\n", "latin1");
  await assert.rejects(loadConfig({ ...base, readFile: latin1, env: {}, file: "a" }), {
    message: "a:2: expected text in UTF-8, got another encoding (save the file as UTF-8)",
  });
  const long = async () => Buffer.alloc(2_000_000, "#");
  await assert.rejects(loadConfig({ ...base, readFile: long, env: {}, file: "a" }), {
    message: "a: expected at most 1 MiB, got more",
  });
});

test("config: a long wrong value is shown in part", async () => {
  const [line = ""] = await mistakes({ flags: { listen: "x".repeat(5_000) } });
  assert.ok(line.length < 200 && line.endsWith("…"), line);
});

test("config: two listeners may both ask for any free port", async () => {
  const config = await load({ flags: { listen: ":0", admin: ":0" } });
  assert.deepEqual(config.listen, config.admin);
});

test("config: flags and variables are named alike", () => {
  assert.equal(flagOf("limits.maxHeadBytes"), "--limits-max-head-bytes");
  assert.equal(variableOf("accessLogLinesPerSecond"), "UNDERSTUDY_ACCESS_LOG_LINES_PER_SECOND");
  assert.equal(new Set(allOptions.map(({ key }) => flagOf(key))).size, allOptions.length);
});
