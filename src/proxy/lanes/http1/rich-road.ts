// The rich road: one claimed call, from the exchange over effects and terminal to the reply written downstream. The
// session runs it while nothing else is in flight on the connection, so order is kept.

import type { HostPort } from "../../../core/address.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { Exchange } from "../../../core/exchange.ts";
import type { Flag } from "../../../core/tap.ts";
import { grpcRefusal } from "../dialects/grpc/refusal.ts";
import type { Call } from "./call.ts";
import { failureReply } from "./failure.ts";
import type { AfterCall, RichCall, RichRoadDeps } from "./rich-call.ts";
import { relayRich } from "./rich-relay.ts";
import { writeReply } from "./rich-reply.ts";
import type { Upload } from "./upload.ts";

/** Serves one claimed call to its end; never rejects. */
export async function serveRich(rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  const { call, claim } = rich;
  const { rule } = claim;
  call.claimedBy(rule);
  for (const effect of rule.effects) if (effect.fault) call.flag(effect.kind === "delay" ? "DI" : "FI");
  const sent: { upload: Upload | null } = { upload: null };
  try {
    const reply = await claim.serve(exchangeOf(rich, deps), (exchange) => {
      call.goesOn();
      return relayRich(exchange, destinationOf(exchange, deps), {
        half: deps.half,
        call,
        interim: deps.interim,
        requestSent: deps.requestSent,
        linkDrain: deps.linkDrain,
        bodyBegun: rich.bodyBegun,
        sends: (upload) => {
          sent.upload = upload;
        },
      });
    });
    const after = await writeReply(reply, rich, deps);
    return await behindUpload(after, sent.upload, call, deps);
  } catch (error) {
    return await answerFailure(error, rich, deps);
  } finally {
    sent.upload?.stop();
    deps.half.abandon(call);
    claim.release();
  }
}

/**
 * An upstream that has answered early may go on reading: what follows on the link waits for the end of the upload, and so
 * does our close (RFC 9112 §9.3.2, §9.6). A link that ends, or that nobody can use any more, ends the upload.
 */
async function behindUpload(
  after: AfterCall,
  upload: Upload | null,
  call: Call,
  deps: RichRoadDeps,
): Promise<AfterCall> {
  const goesOn = (after === "next" || after === "close") && deps.half.current !== call;
  if (!upload || !goesOn) return after;
  deps.replied();
  await upload.ended;
  return after;
}

function exchangeOf(rich: RichCall, deps: RichRoadDeps): Exchange {
  const { connection } = deps;
  return {
    id: `${connection.id}-${Math.round(rich.call.startedAt)}`,
    connection,
    head: rich.head,
    body: rich.body.body(rich.bodyBytes),
    signal: connection.signal,
    note: (text) => rich.call.remark(text),
  };
}

function destinationOf(exchange: Exchange, deps: RichRoadDeps): HostPort {
  const upstream = deps.connection.originalDestination ?? deps.traffic.destinationOf(exchange.head.authority);
  if (upstream) return upstream;
  throw new UnderstudyError("connect_failed", `"${exchange.head.authority}" names no host to relay to`);
}

/** The call could not be served. A reply that has begun can only be cut; a transparent client sees what its upstream did. */
async function answerFailure(error: unknown, rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  const { call } = rich;
  const code = error instanceof UnderstudyError ? error.code : null;
  if (deps.connection.socket.destroyed) {
    call.fail("failed", "DC", "the client left before its reply was complete");
    return "reset";
  }
  if (call.status !== 0) {
    if (code !== "body_cut" || call.outcome === "relayed") call.flag(call.flags.includes("FI") ? "FI" : "UC");
    // To HTTP/1.0 a FIN may be the end of a whole body (RFC 9112 §8).
    return rich.minorVersion === 0 || call.brokenBy === "rst" ? "reset" : "close";
  }
  const flag = flagOf(code, call);
  const peerFailed = flag !== "UPE";
  call.fail(
    "failed",
    flag,
    peerFailed ? messageOf(error) : `the rule could not be carried out: ${messageOf(error)}`,
  );
  // RFC 9112 §6.3: a broken response becomes 502 whoever the client believes it talks to.
  const isBroken = call.flags.includes("UPE");
  if (peerFailed && !isBroken && deps.connection.mode === "transparent")
    return call.brokenBy === "fin" ? "close" : "reset";
  const status = statusOf(code, peerFailed);
  const after = await writeReply(
    grpcRefusal(rich.head, status, call.detail) ?? failureReply(status, call.detail),
    { ...rich, keepAlive: false },
    deps,
  ).catch(() => "reset" as const);
  return after === "next" ? "close" : after;
}

/** Whose failure it is. A body that ends early is that of the client's request where nobody else was asked. */
function flagOf(code: string | null, call: Call): Flag {
  if (code === "connect_timeout") return "UT";
  if (code === "connect_failed") return "UF";
  if (code === "body_cut") return call.upstreamUsed ? "UC" : "DC";
  return "UPE";
}

function statusOf(code: string | null, peerFailed: boolean): number {
  if (code === "connect_timeout" || code === "timeout") return 504;
  if (peerFailed) return 502;
  return code === "body_too_large" ? 413 : 500;
}
