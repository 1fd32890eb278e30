// Certificates that the sidecar shows to its own downstream: what an authority gives, and who trusts it.

/** What a TLS server presents. */
export interface Leaf {
  /** PEM: the leaf alone, since a client that trusts the authority has its certificate. */
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
  /** `name`: a DNS name in lower case, or an IP address. */
  issue(name: string): Promise<Leaf>;
}
