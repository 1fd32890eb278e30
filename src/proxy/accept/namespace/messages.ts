// What the sidecar and its helper inside the namespace say to each other over Node's IPC channel.

/** A file or folder that is seen inside in place of another one; outside nothing changes. */
export interface Cover {
  readonly from: string;
  readonly over: string;
}

/** To the helper. */
export type ToHelper =
  | {
      readonly kind: "execute";
      readonly words: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      /** What cannot be covered is seen as it is. */
      readonly covers: readonly Cover[];
    }
  /** Connect to an address inside; the answer carries `id`. */
  | { readonly kind: "connect"; readonly id: number; readonly host: string; readonly port: number }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals };

/** From the helper. `listener`, `dns` and `connected` come with the socket itself. */
export type FromHelper =
  | { readonly kind: "listener" | "dns" }
  /** Everything is handed over. `network`: the identity of the network namespace, `net:[4026531840]`. */
  | { readonly kind: "ready"; readonly network: string }
  | { readonly kind: "connected"; readonly id: number }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string }
  | { readonly kind: "ended"; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly kind: "not-started"; readonly reason: string };

/** Both ends are built together, so the tag alone tells a message from a stray one; undefined for the latter. */
export function fromHelper(message: unknown): FromHelper | undefined {
  return hasKind(message, ["listener", "dns", "ready", "connected", "refused", "ended", "not-started"])
    ? (message as unknown as FromHelper) // The tag was checked; the fields are written by entry.ts.
    : undefined;
}

export function toHelper(message: unknown): ToHelper | undefined {
  return hasKind(message, ["execute", "connect", "signal"])
    ? (message as unknown as ToHelper) // The tag was checked; the fields are written by namespace.ts.
    : undefined;
}

function hasKind(message: unknown, kinds: readonly string[]): message is { readonly kind: string } {
  return (
    typeof message === "object" &&
    message !== null &&
    "kind" in message &&
    typeof message.kind === "string" &&
    kinds.includes(message.kind)
  );
}
