// How a client ended a handshake, and what people are told of it.

import type { Reception } from "./distrust.ts";

/**
 * What an error of a server-side handshake says of the client. RFC 8446 §6.2: bad, unsupported, revoked, expired or unknown
 * certificate, unknown authority.
 */
export function receptionOf(error: NodeJS.ErrnoException): Reception {
  if (/SSL alert number 4[2-68]\b/.test(error.message)) return "refused";
  const nothingInCommon = /^ERR_SSL_(?:UNSUPPORTED_PROTOCOL$|NO_SHARED_|NO_SUITABLE_)/;
  return nothingInCommon.test(error.code ?? "") ? "unable" : "left";
}

/** `it sent the alert unknown ca`: what happened, without OpenSSL's file names and line numbers. */
export function departureText(error: NodeJS.ErrnoException): string {
  const alert = /ALERT_(\w+)$/.exec(error.code ?? "")?.[1];
  if (alert !== undefined) return `it sent the alert ${alert.toLowerCase().replaceAll("_", " ")}`;
  const reason = /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1];
  return reason ?? error.message.trim();
}

/** The rest of a sentence about a client that is left alone from now on. */
export function distrustText(reception: Reception, name: string, error: Error, lastsMs: number): string {
  const advice = reception === "unable" ? "" : "; understudy ca show tells how to trust the authority";
  const forHowLong = `for ${Math.round(lastsMs / 60_000)} minutes that host is relayed unread for it`;
  return `${conductText(reception, name, departureText(error))}: ${forHowLong}${advice}`;
}

function conductText(reception: Reception, name: string, why: string): string {
  switch (reception) {
    case "refused":
      return `does not trust our certificate for ${name} (${why})`;
    case "unable":
      return `has too little of TLS in common with us for ${name} to be opened (${why})`;
    default:
      return `leaves without a word at the sight of our certificate for ${name}, as who does not trust it`;
  }
}

const obstacles = {
  version: "it speaks no version of TLS from 1.2 on",
  signature: "it takes no signature that we could make, of ECDSA or RSA",
  issuer: "it takes no certificate signed as our authority signs, see docs/tls.md",
} as const;

/** Why none of our certificates can be for a client, as its ClientHello says. */
export type Obstacle = keyof typeof obstacles;

/** The same of one whose ClientHello says that it never could be opened. */
export function obstacleText(obstacle: Obstacle, name: string): string {
  return `${conductText("unable", name, obstacles[obstacle])}: that host is relayed unread for it`;
}
