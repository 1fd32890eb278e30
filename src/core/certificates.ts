// Certificates that the sidecar shows to its own downstream: what an authority gives, and who trusts it.

/** What a leaf's key is: nearly every client takes EC, some take RSA alone. */
export type LeafKey = "ec" | "rsa";

/** What a TLS server presents. */
export interface Leaf {
  /**
   * PEM: the leaf, and what stands between it and what a client trusts; of an authority of our own nothing, since a client that
   * trusts it has its certificate.
   */
  readonly chain: string;
  /** PEM, PKCS #8. Never to be logged. */
  readonly key: string;
  /** Milliseconds since the Unix epoch from which on it is to be replaced; some time before it ends. */
  readonly renewAtMs: number;
}

/** Signs leaves for the names that clients ask for. Its key never leaves it. */
export interface Authority {
  /** PEM of every certificate that a client must trust: its own, and one that it has replaced of late. */
  readonly trust: string;
  /** What it signs leaves with: a SignatureScheme of TLS (RFC 8446 §4.2.3), as clients say which ones they verify. */
  readonly scheme: number;
  /** `name`: a DNS name in lower case, or an IP address. `key`: EC where it is left out. */
  issue(name: string, key?: LeafKey): Promise<Leaf>;
}
