// What the lane says on its own account before it closes a connection. Each function puts the failure on record, for logs
// and metrics, and answers the bytes for the client; when they may be written is the session's matter.

import type { Connection } from "../../../core/connection.ts";
import { noHead } from "../../../core/exchange.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Flag } from "../../../core/tap.ts";
import { Call } from "./call.ts";
import { refusalReply } from "./encode.ts";
import { failureBytes } from "./failure.ts";
import { opaqueAdvice } from "./opaque-host.ts";
import type { Refusal } from "./refusal.ts";

/** The head cannot be read. */
export function headRefused(connection: Connection, traffic: Traffic, refusal: Refusal): Buffer {
  const call = unreadCall(connection, traffic);
  call.fail("refused", "DPE", `${refusal.reason}; ${opaqueAdvice}`);
  call.status = refusal.status;
  call.finish(traffic, call.startedAt);
  return refusalReply(refusal);
}

/** The head has begun, and did not come whole within its deadline. */
export function headTooLate(connection: Connection, traffic: Traffic): Buffer {
  const detail = `the request head was not complete after ${traffic.settings.deadlines.headMs} ms`;
  const call = unreadCall(connection, traffic);
  call.fail("failed", "SI", detail);
  call.status = 408;
  call.finish(traffic, call.startedAt);
  return failureBytes(408, detail);
}

/** The head can be read, but nobody can be asked what it asks for. */
export function callRefused(call: Call, traffic: Traffic, detail: string): Buffer {
  call.fail("refused", "DPE", detail);
  call.status = 400;
  call.finish(traffic);
  return failureBytes(400, detail);
}

/** Ends the record of calls that get no whole response, for one reason. */
export function failAll(
  calls: readonly Call[],
  traffic: Traffic,
  outcome: "refused" | "failed",
  flag: Flag,
  detail: string,
): void {
  const now = traffic.clock.now();
  for (const call of calls) {
    call.fail(outcome, flag, detail);
    call.finish(traffic, now);
  }
}

/** What is no call, but ends as if it were one. */
function unreadCall(connection: Connection, traffic: Traffic): Call {
  return new Call(connection, noHead, traffic, traffic.clock.now(), false);
}
