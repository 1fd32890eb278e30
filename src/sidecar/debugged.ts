// The stages with debug lines around them, for whoever asked for some: what the first bytes were taken for, who claims a call,
// what a rule did with it, how an upstream was reached. Put around a stage only then, so that they cost nothing otherwise.

import { formatHostPort } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import type { ConnectionFacts } from "../core/connection.ts";
import type { Debug, DebugLine } from "../core/debug.ts";
import { messageOf } from "../core/errors.ts";
import type { Reply, RequestHead } from "../core/exchange.ts";
import type { Claim, Protocol, Traffic, Undecided } from "../core/lane.ts";
import type { Dial, LinkEvents, SecureDial } from "../core/link.ts";
import { printable } from "../core/printable.ts";
import { elapsedText } from "../proxy/tap/call-text.ts";

type Detect = (first: Uint8Array) => Protocol | "need-more";

/** Area `detect`. */
export function debuggedDetect(detect: Detect, debug: Debug): Detect {
  const line = debug("detect");
  return (first) => {
    const protocol = detect(first);
    line(() => `${first.length} first bytes → ${protocol}`);
    return protocol;
  };
}

/** Areas `decide`, `perform`, `websocket` and `tls`. */
export function debuggedTraffic(traffic: Traffic, debug: Debug): Traffic {
  const [decide, websocket, tls] = [debug("decide"), debug("websocket"), debug("tls")];
  const performing = { line: debug("perform"), clock: traffic.clock };
  return {
    ...traffic,
    decide(head, connection) {
      const verdict = traffic.decide(head, connection);
      decide(() => `${callOf(head, connection)} → ${verdictText(verdict)}`);
      if (verdict?.kind === "claim") return debuggedClaim(verdict, performing);
      return verdict && debuggedUndecided(verdict, callOf(head, connection), decide, performing);
    },
    decideMessages(head, connection) {
      const claim = traffic.decideMessages(head, connection);
      websocket(() => `${callOf(head, connection)} → ${claim?.rules.length ?? 0} rules for its messages`);
      return claim;
    },
    decideConnection(connection) {
      const claim = traffic.decideConnection(connection);
      decide(() => `${connection.id} bytes that are not parsed → ${claim?.rule ?? "nobody claims them"}`);
      return claim;
    },
    concernsTls(serverName, connection) {
      const concerns = traffic.concernsTls(serverName, connection);
      const outcome = concerns ? "a rule may claim a call inside" : "no rule concerns it, relayed unread";
      tls(() => printable(`${connection.id} ${serverName} → ${outcome}`));
      return concerns;
    },
  };
}

interface Performing {
  readonly line: DebugLine;
  readonly clock: Clock;
}

function debuggedUndecided(
  undecided: Undecided,
  call: string,
  decide: DebugLine,
  performing: Performing,
): Undecided {
  return {
    kind: "undecided",
    isEnough: (payload) => undecided.isEnough(payload),
    lacks: (payload) => undecided.lacks(payload),
    decide(payload) {
      const claim = undecided.decide(payload);
      const body = payload === null ? "a body that cannot be held" : `${payload.length} bytes of body`;
      decide(() => `${call} with ${body} → ${verdictText(claim)}`);
      return claim && debuggedClaim(claim, performing);
    },
  };
}

function debuggedClaim(claim: Claim, { line, clock }: Performing): Claim {
  const { name } = claim.rule.spec;
  return {
    kind: "claim",
    rule: claim.rule,
    async serve(exchange, forward) {
      const startedAt = clock.now();
      const tell = (outcome: string) => {
        const elapsed = elapsedText(clock.now() - startedAt);
        line(() =>
          printable(`${callOf(exchange.head, exchange.connection)} by ${name} → ${outcome} ${elapsed}`),
        );
      };
      try {
        const reply = await claim.serve(exchange, forward);
        tell(replyText(reply));
        return reply;
      } catch (thrown) {
        tell(messageOf(thrown));
        throw thrown;
      }
    },
    release: () => claim.release(),
  };
}

/** Area `relay`. */
export function debuggedDial(dial: Dial, debug: Debug, clock: Clock): Dial {
  const line = debug("relay");
  return (upstream, events) => {
    const place = formatHostPort(upstream);
    const startedAt = clock.now();
    const since = () => elapsedText(clock.now() - startedAt);
    let bytes = 0;
    line(() => `${place} dialled`);
    const told: LinkEvents = {
      data(chunk) {
        if (bytes === 0) line(() => `${place} first bytes after ${since()}`);
        bytes += chunk.length;
        return events.data(chunk);
      },
      drain: () => events.drain(),
      end: () => events.end(),
      close(how, detail) {
        line(() => printable(`${place} ${how} after ${since()} and ${bytes} bytes ${detail}`.trimEnd()));
        events.close(how, detail);
      },
    };
    return dial(upstream, told);
  };
}

/** Area `tls`. */
export function debuggedSecureDial(dial: SecureDial, debug: Debug): SecureDial {
  const line = debug("tls");
  return {
    async open(aim) {
      const to = `${formatHostPort(aim.upstream)} ${aim.serverName}`;
      try {
        const channel = await dial.open(aim);
        line(() => printable(`${to} verified, ${channel.protocol ?? "no ALPN"}`));
        return channel;
      } catch (thrown) {
        line(() => printable(`${to} ${messageOf(thrown)}`));
        throw thrown;
      }
    },
    link: (aim, events) => dial.link(aim, events),
  };
}

function callOf({ method, authority, path }: RequestHead, { id }: ConnectionFacts): string {
  return printable(`${id} ${method} ${authority}${path}`);
}

function verdictText(verdict: Claim | Undecided | null): string {
  if (verdict === null) return "nobody claims it";
  return verdict.kind === "claim" ? verdict.rule.spec.name : "the body decides";
}

function replyText(reply: Reply): string {
  return reply.kind === "response" ? String(reply.status) : reply.kind;
}
