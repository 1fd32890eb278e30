// A call in a few words for people: what was called, what came of it, and what to do where it went wrong.

import { formatHostPort } from "../../core/address.ts";
import { grpcStatusName } from "../../core/grpc-status.ts";
import { printable } from "../../core/printable.ts";
import type { CallEvent, Flag, MessageCounts, OpaqueEvent } from "../../core/tap.ts";
import { formatSize } from "../../core/units.ts";

/** Characters of a path that are shown. */
const maxPathLength = 100;

export interface CallText {
  /** What was called. */
  readonly called: string;
  /** What came of it. */
  readonly outcome: string;
}

/** `POST payments.shop/v1/charges` and `402 mocked by declined-charge`, `200 relayed`, `502 failed: …`. */
export function callText(event: CallEvent): CallText {
  return { called: calledText(event), outcome: outcomeText(event) };
}

function calledText(event: CallEvent): string {
  const host =
    event.authority === "" ? (event.upstream ? formatHostPort(event.upstream) : "?") : event.authority;
  const path = event.path === "" || event.path.startsWith("/") ? event.path : ` ${event.path}`;
  return printable(`${event.method || "?"} ${host}${shorten(path)}`);
}

function outcomeText(event: CallEvent): string {
  const grpc = event.grpcStatus ?? null;
  const ended = grpc === null ? String(event.status) : grpcStatusName(grpc);
  const status = event.status === 0 ? "" : `${ended} `;
  const detail = event.detail === "" ? flagMeaning(event.flags) : event.detail;
  switch (event.outcome) {
    case "mocked":
      return `${status}mocked${byRule(event.rule)}`;
    case "aborted":
      return `${status === "" ? "cut off" : `${status}aborted`}${byRule(event.rule)}`;
    case "relayed":
      return `${status}relayed${event.rule === null ? "" : `, ${touchedText(event.flags)}${byRule(event.rule)}`}`;
    case "refused":
    case "failed":
      return printable(`${status}${event.outcome}${detail === "" ? "" : `: ${detail}`}`);
    default:
      return event.outcome satisfies never;
  }
}

/** A connection that was opened in reserve, as browsers do, and closed without a word: no news for people. */
export function isUnused({ outcome, rule, flags, upBytes, downBytes }: OpaqueEvent): boolean {
  return outcome === "relayed" && rule === null && flags.length === 0 && upBytes === 0 && downBytes === 0;
}

/** `tls api.shop:443 → relayed unread`: what is known of a connection whose bytes were not parsed. */
export function opaqueText(event: OpaqueEvent): CallText {
  const upstream = event.upstream ? formatHostPort(event.upstream) : "?";
  const name = event.serverName === "" ? upstream : `${event.serverName} (${upstream})`;
  const bytes = `${sizeText(event.upBytes)} up, ${sizeText(event.downBytes)} down`;
  const counts = event.messages ? `, ${messagesText(event.messages)}` : "";
  const how = event.messages ? "relayed" : "relayed unread";
  const what = {
    relayed: `${how}${event.rule === null ? "" : `, ${touchedText(event.flags)}${byRule(event.rule)}`}, ${bytes}${counts}`,
    mocked: `mocked${byRule(event.rule)}${counts}`,
    aborted: `cut off${byRule(event.rule)}, ${bytes}`,
    refused: `refused: ${event.detail || flagMeaning(event.flags)}`,
    failed: `failed: ${event.detail || flagMeaning(event.flags)}`,
  }[event.outcome];
  return { called: printable(`${event.protocol} ${name}`), outcome: printable(what) };
}

/** What a person can do about it; "" where there is nothing to say. */
export function nextStep(event: CallEvent | OpaqueEvent): string {
  const upstream = event.upstream ? formatHostPort(event.upstream) : "the upstream";
  const host = event.kind === "call" && event.authority !== "" ? event.authority : upstream;
  const steps: Partial<Record<Flag, string>> = {
    UF: `check that something listens on ${upstream}, or let a rule answer for it`,
    UT: `${upstream} took too long: see its log, or raise deadlines.responseMs`,
    UC: `${upstream} closed the connection: see its log`,
    UPE: `see what ${upstream} sends; to pass it on unread, list ${host} under opaqueHosts in the config`,
    DPE: `see what the client sends; to pass it on unread, list ${host} under opaqueHosts in the config`,
    SI: "the client stopped in the middle of its request: see its log, or raise deadlines.headMs",
  };
  if (/has no address/.test(event.detail)) return printable(`let a rule answer for ${host}`);
  if (/ does not speak TLS/.test(event.detail))
    return printable(`call ${host} with http://, or let a rule answer for it`);
  if (/the rule could not be carried out/.test(event.detail))
    return printable(`mend the rule ${event.rule ?? ""}`.trimEnd());
  // The detail says it already, or only who runs the upstream can help.
  if (/opaqueHosts|--insecure-upstream|tls\.clientCertificates|TLS alert|TLS handshake/.test(event.detail))
    return "";
  for (const flag of event.flags) {
    const step = steps[flag];
    if (step !== undefined) return printable(step);
  }
  return "";
}

/** `3 ms`, `1.2 s`, `0.4 ms`. */
export function elapsedText(durationMs: number): string {
  if (durationMs >= 9_950) return `${Math.round(durationMs / 1000)} s`;
  if (durationMs >= 995) return `${(durationMs / 1000).toFixed(1)} s`;
  return durationMs >= 9.95 ? `${Math.round(durationMs)} ms` : `${durationMs.toFixed(1)} ms`;
}

function byRule(rule: string | null): string {
  return rule === null ? "" : ` by ${printable(rule)}`;
}

function touchedText(flags: readonly Flag[]): string {
  if (flags.includes("FI")) return "disturbed";
  return flags.includes("DI") ? "delayed" : "touched";
}

function flagMeaning(flags: readonly Flag[]): string {
  const meanings: Readonly<Record<Flag, string>> = {
    DC: "the client left before the end",
    UC: "the upstream closed the connection",
    UF: "no connection to the upstream",
    UT: "the upstream was too slow",
    DI: "a delay was injected",
    FI: "a fault was injected",
    DPE: "the client broke the protocol",
    UPE: "the upstream broke the protocol",
    SI: "the client was too slow",
    LR: "cut by us",
  };
  return flags.map((flag) => meanings[flag]).join(", ");
}

function messagesText({ toUpstream, toDownstream, ruleHits }: MessageCounts): string {
  const hits = ruleHits === 0 ? "" : `, ${ruleHits} touched`;
  return `${toUpstream} messages up, ${toDownstream} down${hits}`;
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return formatSize(bytes).replace("B", " B");
  const unit = bytes < 1_048_576 ? 1024 : 1_048_576;
  return `${(bytes / unit).toFixed(1)} ${unit === 1024 ? "KiB" : "MiB"}`;
}

function shorten(path: string): string {
  return path.length > maxPathLength ? `${path.slice(0, maxPathLength - 1)}…` : path;
}
