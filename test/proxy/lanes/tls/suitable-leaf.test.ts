// Which leaf suits a client: by table, and by what real clients say.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { type Offers, readOffers } from "../../../../src/proxy/lanes/tls/client-offers.ts";
import { type SuitableLeaf, suitableLeaf } from "../../../../src/proxy/lanes/tls/suitable-leaf.ts";
import { helloOf } from "../../../support/first-hello.ts";

const modern: Offers = {
  legacyVersion: 0x0303,
  suites: [0x1301, 0xc02b, 0xc02f],
  versions: [0x0a0a, 0x0304, 0x0303],
  signatures: [0x0403, 0x0804, 0x0401],
  certificateSignatures: null,
  groups: [29, 23],
};
const older: Offers = { ...modern, versions: null, suites: [0xc02b, 0xc02f] };

const cases: readonly (readonly [string, Offers, SuitableLeaf])[] = [
  ["TLS 1.3 with ECDSA on P-256", modern, "ec"],
  ["TLS 1.3 whatever the groups: they are not the certificate's", { ...modern, groups: [29] }, "ec"],
  ["TLS 1.3 that resumes and names no signatures", { ...modern, signatures: null }, "ec"],
  ["TLS 1.3 with RSA-PSS alone", { ...modern, signatures: [0x0804, 0x0401] }, "either"],
  ["TLS 1.3 with ECDSA on P-384, and RSA", { ...modern, signatures: [0x0503, 0x0805] }, "either"],
  [
    "TLS 1.3 with PKCS #1 alone, good for certificates only",
    { ...modern, signatures: [0x0401] },
    "signature",
  ],
  ["TLS 1.3 with EdDSA alone", { ...modern, signatures: [0x0807, 0x0808] }, "signature"],
  ["TLS 1.2 with ECDSA", older, "ec"],
  ["TLS 1.2 named among the versions", { ...older, versions: [0x0303, 0x0302] }, "ec"],
  ["TLS 1.2 with ECDSA and SHA-512", { ...older, signatures: [0x0603] }, "ec"],
  ["TLS 1.2 without groups: any", { ...older, groups: null }, "ec"],
  ["TLS 1.2 without P-256", { ...older, groups: [29, 24] }, "either"],
  ["TLS 1.2 with suites of RSA alone", { ...older, suites: [0xc02f, 0x002f] }, "either"],
  ["TLS 1.2 with signatures of RSA alone", { ...older, signatures: [0x0401] }, "either"],
  ["TLS 1.2 without signatures", { ...older, signatures: null }, "either"],
  ["TLS 1.2 with EdDSA alone", { ...older, signatures: [0x0807] }, "signature"],
  ["TLS 1.2 with SHA-1 alone", { ...older, signatures: [0x0201, 0x0203] }, "signature"],
  [
    "TLS 1.2 with SHA-1 alone, and a suite without",
    { ...older, signatures: [0x0201], suites: [0x2f] },
    "either",
  ],
  ["TLS 1.1 by its old field", { ...older, legacyVersion: 0x0302 }, "version"],
  ["TLS 1.1 among the versions", { ...modern, versions: [0x0302, 0x0301] }, "version"],
];

for (const [what, offers, leaf] of cases)
  test(`suitable leaf: ${what}: ${leaf}`, () => assert.equal(suitableLeaf(offers), leaf));

test("suitable leaf: what Node's clients say", async () => {
  const asked: readonly (readonly [ConnectionOptions, SuitableLeaf])[] = [
    [{}, "ec"],
    [{ maxVersion: "TLSv1.2" }, "ec"],
    [{ sigalgs: "RSA-PSS+SHA256" }, "either"],
    [{ sigalgs: "ed25519" }, "signature"],
    [{ maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, "either"],
    [{ maxVersion: "TLSv1.2", ecdhCurve: "X25519" }, "either"],
    [{ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }, "version"],
  ];
  for (const [options, leaf] of asked) {
    assert.equal(suitableLeaf(readOffers(await helloOf(options))), leaf, JSON.stringify(options));
  }
});
