// grpc-node's official interop client and server, with us in the middle: every case that needs no account of Google's.
// Run by scripts/interop-grpc.sh, which fetches the programs: not part of npm test, because their repository is not to be
// had everywhere.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { parseRules } from "../../src/control/rules/parse.ts";
import { createGrpcDialect } from "../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { testAuthority } from "../support/https.ts";
import { openRig, type RigOptions } from "../support/rig.ts";

const folder = fileURLToPath(new URL("../../node_modules/.cache/grpc-interop/", import.meta.url));

/** What the two programs export. */
interface Interop {
  getServer(
    port: string,
    tls: boolean,
    done: (error: Error | null, given: { server: Server; port: number }) => void,
  ): void;
  runTest(
    address: string,
    host: string | null,
    name: string,
    tls: boolean,
    ca: false,
    done: (error?: Error) => void,
  ): void;
  readonly test_cases: Readonly<Record<string, { readonly getCreds?: unknown }>>;
}

function load(name: string): Interop {
  return createRequire(`${folder}test/interop/`)(`./${name}.js`) as Interop;
}

const needsAccount = /creds|oauth2/;

/** Rules that claim every call of the test service, and change nothing that it looks at. */
const touching = `version: 1
descriptors: ${folder}test/proto
rules:
  - name: touched
    matches: [{grpc: {service: grpc.testing.TestService}}]
    patch: {grpc: {request: {}, response: {}}}
`;
/** Claims other calls: those of the cases are relayed stream by stream. */
const elsewhere = `version: 1
rules:
  - name: elsewhere
    matches: [{grpc: {service: other.Service}}]
    fault: {abort: {grpcStatus: ABORTED}}
`;
/** Claims other calls, and looks at each first message. */
const looking = `version: 1
descriptors: ${folder}test/proto
rules:
  - name: others
    matches: [{grpc: {service: grpc.testing.TestService}, message: {matchesJsonPath: $.neverThere}}]
    fault: {abort: {grpcStatus: ABORTED}}
`;

/** A name that the certificate of the test server has, and that nobody resolves. */
const secureName = "foo.test.google.fr";
const ours = await testAuthority();
const roots = `${folder}understudy-ca.pem`;
writeFileSync(roots, ours.trust);
// grpc-js asks for it when it is loaded: its clients trust us, and nobody else.
process.env.GRPC_DEFAULT_SSL_ROOTS_FILE_PATH = roots;

/** TLS on both sides: the client's ends at us, ours at the test server's own certificate. */
const secure = (): RigOptions => ({
  tls: { authority: ours, extraRoots: [readFileSync(`${folder}test/data/ca.pem`, "utf8")] },
});

async function everyCase(options: RigOptions): Promise<void> {
  const tls = options.tls !== undefined;
  const { server, port } = await new Promise<{ server: Server; port: number }>((resolve, reject) =>
    load("interop_server").getServer("0", tls, (error, given) => (error ? reject(error) : resolve(given))),
  );
  await using rig = await openRig({
    upstream: { host: "127.0.0.1", port },
    dialects: [createGrpcDialect()],
    ...options,
  });
  const client = load("interop_client");
  const cases = Object.keys(client.test_cases).filter((name) => !needsAccount.test(name));
  assert.equal(cases.length, 14);
  const proxied = options.mode === "proxy";
  const address = `127.0.0.1:${proxied ? port : rig.address.port}`;
  if (proxied) process.env.grpc_proxy = `http://127.0.0.1:${rig.address.port}`;
  try {
    for (const name of cases) {
      await new Promise<void>((resolve, reject) =>
        client.runTest(address, tls ? secureName : null, name, tls, false, (error) =>
          error ? reject(new Error(name, { cause: error })) : resolve(),
        ),
      );
    }
    const calls = rig.events.filter((event) => event.kind === "call");
    assert.ok(calls.length >= cases.length, "every call was seen");
    assert.ok(calls.every(({ protocol }) => protocol === "http/2"));
  } finally {
    delete process.env.grpc_proxy;
    server.forceShutdown();
  }
}

const rulesOf = (text: string) => parseRules(text, "rules.yaml").rules;

const ways: readonly (readonly [what: string, options: RigOptions])[] = [
  ["transparent", {}],
  ["to a fixed upstream", { mode: "fixed" }],
  ["through an explicit proxy", { mode: "proxy" }],
];

for (const [inside, given] of [
  ["", () => ({})],
  [" inside TLS", secure],
] as const) {
  for (const [what, options] of ways)
    test(`interop: all cases pass${inside}, ${what}`, () =>
      everyCase({ rules: rulesOf(elsewhere), ...options, ...given() }));

  test(`interop: all cases pass${inside} where rules claim every call and change nothing`, () =>
    everyCase({ rules: rulesOf(touching), ...given() }));

  test(`interop: all cases pass${inside} where rules look at each first message`, () =>
    everyCase({ rules: rulesOf(looking), ...given() }));
}
