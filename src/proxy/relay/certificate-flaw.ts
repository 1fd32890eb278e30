// What is wrong with the certificate of an upstream, in words, and what helps against it. OpenSSL's verification codes as
// Node names them (X509_V_ERR_…), and Node's own for a name that does not fit.

/** As far as an error of Node tells what it did not like. */
export type VerifyError = NodeJS.ErrnoException & { readonly cert?: { readonly subjectaltname?: string } };

interface Flaw {
  readonly words: string;
  /** What would make it trusted; left out where nothing but to trust blindly does. */
  readonly remedy?: string;
}

const knowAuthority = "--upstream-cas FILE adds its authority";
const unknownAuthority: Flaw = {
  words: "its authority is not known here, or it does not send the certificates in between",
  remedy: knowAuthority,
};

const flaws: Readonly<Record<string, Flaw>> = {
  CERT_HAS_EXPIRED: { words: "it has expired" },
  CERT_NOT_YET_VALID: { words: "it is not valid yet, if the clock of this machine is right" },
  CERT_REVOKED: { words: "it has been revoked" },
  CERT_SIGNATURE_FAILURE: { words: "its signature is wrong" },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    words: "it has signed itself",
    remedy: "--upstream-cas FILE with that certificate trusts it",
  },
  INVALID_CA: { words: "what signed it is not an authority" },
  INVALID_PURPOSE: { words: "it is not for servers" },
  SELF_SIGNED_CERT_IN_CHAIN: { words: "its authority is not known here", remedy: knowAuthority },
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
};

/** What OpenSSL's level of security forbids has no code of its own in Node, only these words of OpenSSL. */
const weaknesses: Readonly<Record<string, Flaw>> = {
  "EE certificate key too weak": { words: "its key is too weak to be safe" },
  "CA certificate key too weak": { words: "the key of its authority is too weak to be safe" },
  "CA signature digest algorithm too weak": {
    words: "it is signed with a hash that is not safe any more, SHA-1 or MD5",
  },
};

/** Names of a certificate that are listed at most, in characters. */
const maxNames = 200;

/** `it has expired (CERT_HAS_EXPIRED)`, and a remedy where there is one; null where the error is about something else. */
export function certificateFlaw(error: VerifyError): Flaw | null {
  const code = error.code ?? "";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return { words: `${namesOf(error)} (${code})` };
  const known = flaws[code];
  if (known) return { ...known, words: `${known.words} (${code})` };
  const weakness = code === "UNSPECIFIED" ? weaknesses[error.message] : undefined;
  if (weakness) return weakness;
  const isVerification =
    /^(?:CERT_|CRL_|ERROR_IN_C|UNABLE_TO_|PATH_LENGTH_|HOSTNAME_MISMATCH|UNSPECIFIED)/.test(code);
  return isVerification ? { words: `${error.message} (${code})` } : null;
}

function namesOf({ cert }: VerifyError): string {
  const names = cert?.subjectaltname ?? "";
  if (names === "") return "it is for no name at all";
  return `it is for other names, ${names.length > maxNames ? `${names.slice(0, maxNames)}…` : names}`;
}
