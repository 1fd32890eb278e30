// grpc-node's official interop client and server, with us in the middle: every case that needs no account of Google's.
// Run by scripts/interop-grpc.sh, which fetches the programs: not part of npm test, because their repository is not to be
// had everywhere.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Server } from "@grpc/grpc-js";
import { parseRules } from "../../src/control/rules/parse.ts";
import { createGrpcDialect } from "../../src/proxy/lanes/dialects/grpc/dialect.ts";
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
    host: null,
    name: string,
    tls: boolean,
    ca: boolean,
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

async function everyCase(options: RigOptions): Promise<void> {
  const { server, port } = await new Promise<{ server: Server; port: number }>((resolve, reject) =>
    load("interop_server").getServer("0", false, (error, given) => (error ? reject(error) : resolve(given))),
  );
  await using rig = await openRig({
    upstream: { host: "127.0.0.1", port },
    dialects: [createGrpcDialect()],
    ...options,
  });
  const client = load("interop_client");
  const cases = Object.keys(client.test_cases).filter((name) => !needsAccount.test(name));
  assert.equal(cases.length, 14);
  try {
    for (const name of cases) {
      await new Promise<void>((resolve, reject) =>
        client.runTest(`127.0.0.1:${rig.address.port}`, null, name, false, false, (error) =>
          error ? reject(new Error(name, { cause: error })) : resolve(),
        ),
      );
    }
    assert.ok(rig.events.some(({ kind }) => kind === "call"));
  } finally {
    server.forceShutdown();
  }
}

const rulesOf = (text: string) => parseRules(text, "rules.yaml").rules;

test("interop: all cases pass through, transparent", () => everyCase({ rules: rulesOf(elsewhere) }));

test("interop: all cases pass through, to a fixed upstream", () =>
  everyCase({ rules: rulesOf(elsewhere), mode: "fixed" }));

test("interop: all cases pass where rules claim every call and change nothing", () =>
  everyCase({ rules: rulesOf(touching) }));

test("interop: all cases pass where rules look at each first message", () =>
  everyCase({ rules: rulesOf(looking) }));
