// Clients that do not trust our certificates (they pin others, or were never told of the authority), noticed by how
// they end a handshake. What they speak to is left unopened for them from then on.

/** How a client took our certificate. */
export type Reception = "accepted" | "refused" | "left";

export interface Distrust {
  /** True where that client's connections to that server are to be left unopened. */
  has(key: string): boolean;
  /** Answers true where this has just tipped the balance. */
  learn(key: string, reception: Reception): boolean;
}

/** A client may leave for reasons of its own; twice in a row right after the certificate is no accident. */
const departuresThatTell = 2;

/** Remembers `most` clients, each with the server that it spoke to; the oldest go first. */
export function createDistrust(most: number): Distrust {
  const departures = new Map<string, number>();
  return {
    has: (key) => (departures.get(key) ?? 0) >= departuresThatTell,
    learn(key, reception) {
      const before = departures.get(key) ?? 0;
      departures.delete(key);
      if (reception === "accepted") return false;
      departures.set(key, reception === "refused" ? departuresThatTell : before + 1);
      for (const oldest of departures.keys()) {
        if (departures.size <= most) break;
        departures.delete(oldest);
      }
      return before < departuresThatTell && this.has(key);
    },
  };
}

/** What an error of a server-side handshake says of the client. Alerts: RFC 8446 §6.2. */
export function receptionOf(error: NodeJS.ErrnoException): Reception {
  const alert = /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE)/;
  return alert.test(error.code ?? "") ? "refused" : "left";
}

/** `it sent the alert unknown ca`: what happened, without OpenSSL's file names and line numbers. */
export function departureText(error: NodeJS.ErrnoException): string {
  const alert = /ALERT_(\w+)$/.exec(error.code ?? "")?.[1];
  if (alert !== undefined) return `it sent the alert ${alert.toLowerCase().replaceAll("_", " ")}`;
  const reason = /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1];
  return reason ?? error.message.trim();
}
