// A certificate of the demo's own for the payment service: for an hour, for localhost, trusted by nobody who is not told.

import "reflect-metadata"; // what @peculiar/x509 registers its algorithms with
import { webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;

/** Paths of the certificate and its key in `folder`, PEM. */
export async function makeCertificate(folder: string): Promise<{ certificate: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const now = Date.now();
  const made = await X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=the shop's payment service",
      notBefore: new Date(now - hourMs),
      notAfter: new Date(now + hourMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
    },
    webcrypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const paths = { certificate: join(folder, "payments.pem"), key: join(folder, "payments-key.pem") };
  writeFileSync(paths.certificate, made.toString("pem"));
  writeFileSync(paths.key, `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, {
    mode: 0o600,
  });
  return paths;
}
