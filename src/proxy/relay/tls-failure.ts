// Why a TLS connection to an upstream failed, for the caller who gets 502, the journal and the log: what the upstream did,
// what helps, and what went over the wire in parentheses.
//
//   its certificate is not trusted ──► what is wrong with it (certificate-flaw.ts)
//   it asked for a certificate of ours ──► none is configured, or what it has against the one that is
//   it sent an alert, or something odd ──► what that means (tls-alerts.ts)

import { formatHostPort } from "../../core/address.ts";
import type { SecureAim } from "../../core/link.ts";
import { certificateFlaw } from "./certificate-flaw.ts";
import {
  alertIn,
  alertName,
  alertObjection,
  alertWords,
  complaintWords,
  opensslReason,
} from "./tls-alerts.ts";

/** A connection as far as its failure depends on it. */
export interface TlsAttempt {
  readonly aim: SecureAim;
  /** The upstream has asked for a client certificate, and has said nothing else since. */
  readonly asked: boolean;
  /** Host in `tls.clientCertificates` of the one that it was shown; null: none is configured. */
  readonly shown: string | null;
}

/** RFC 8446 §6.2: sent for nothing else than a client certificate that was asked for and is missing. */
const certificateRequired = 116;

/** `error` null: it closed the connection without a word. */
export function tlsFailureText(error: NodeJS.ErrnoException | null, attempt: TlsAttempt): string {
  const { aim } = attempt;
  const name = nameOf(aim);
  const flaw = error && certificateFlaw(error);
  const alert = error && alertIn(error);
  if (flaw) {
    const blindly = `--insecure-upstream ${hostOf(aim)} takes any certificate`;
    const remedies = flaw.remedy === undefined ? blindly : `${flaw.remedy}, ${blindly}`;
    return `the certificate of ${name} is not trusted: ${flaw.words}; ${remedies}`;
  }
  if (alert === certificateRequired || (attempt.asked && (alert !== null || isDeparture(error))))
    return clientCertificateText(name, alert, attempt);
  if (alert !== null) return `${name} ${alertWords(alert, aim)} (${alertName(alert)})`;
  return `${name} ${error ? complaintWords(error) : "closed the connection in the TLS handshake"}`;
}

/** Why an open connection broke: the alert, or what the system says. */
export function tlsBreakText(error: NodeJS.ErrnoException, aim: SecureAim): string {
  const alert = alertIn(error);
  const name = nameOf(aim);
  if (alert !== null) return `${name} broke the connection off (${alertName(alert)})`;
  if (error.code === "ECONNRESET") return `${name} reset the connection`;
  return `${name}: ${opensslReason(error)}`;
}

function clientCertificateText(name: string, alert: number | null, { aim, shown }: TlsAttempt): string {
  const wire = alert === null ? "it closed the connection without an alert" : alertName(alert);
  if (shown === null) {
    const host = hostOf(aim);
    return (
      `${name} asks for a client certificate and none is configured for it: ` +
      `tls.clientCertificates in the config, or --client-certificates ${host}=CERT:KEY, gives it one (${wire})`
    );
  }
  const objection = alert === null ? null : alertObjection(alert);
  const why = objection === null ? "" : `: ${objection}`;
  return `${name} does not take the client certificate of ${shown} in tls.clientCertificates${why} (${wire})`;
}

/** It left, by FIN or RST, without saying why. */
function isDeparture(error: NodeJS.ErrnoException | null): boolean {
  return error === null || error.code === "ECONNRESET" || error.code === "EPIPE";
}

/** `shop.test (10.0.0.1:443)`; `proxy.test:443` where it is dialled by its name. */
function nameOf({ serverName, upstream }: SecureAim): string {
  const place = formatHostPort(upstream);
  return serverName === "" || serverName === upstream.host ? place : `${serverName} (${place})`;
}

/** As options name it. */
function hostOf({ serverName, upstream }: SecureAim): string {
  return serverName || upstream.host;
}
