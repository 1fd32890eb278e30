// gRPC as a dialect of HTTP: rules on services, methods and messages; replies, harm and changes in its words. gRPC-Web and
// Connect speak the same services over either version of HTTP, so all of it holds of them, too.

import type { Dialect } from "../../../../core/dialect.ts";
import type { Effect, Terminal } from "../../../../core/effect.ts";
import { deadlineEffect } from "./deadline.ts";
import { createDescriptorFiles } from "./descriptor-files.ts";
import { grpcFault } from "./fault.ts";
import { bytesOfFirst, FirstMessages } from "./first-message.ts";
import { flavourOf } from "./flavour.ts";
import { compileGrpcMatch } from "./match.ts";
import { grpcPatch } from "./patch.ts";
import { grpcTerminal, isGrpcRespond } from "./replies.ts";
import { grpcAbort } from "./respond.ts";
import type { Descriptors } from "./rule-types.ts";

/** `learned`: descriptors that upstreams tell of themselves. */
export function createGrpcDialect(learned: Descriptors["learned"] = () => null): Dialect {
  const descriptors: Descriptors = { files: createDescriptorFiles(), learned };
  const messages = new FirstMessages();
  return {
    name: "gRPC",
    claims: (head) => flavourOf(head) !== null,
    compileMatch: (match, path, tools) => compileGrpcMatch(match, path, tools, { descriptors, messages }),
    plan(spec, tools) {
      const { respond, fault, patch } = spec;
      const abort = fault?.abort?.kind === "grpcStatus" ? fault.abort : null;
      const mock = respond && isGrpcRespond(respond) && !fault?.abort ? respond : null;
      const effects: Effect[] = [];
      if (fault?.grpc) effects.push(grpcFault(fault.grpc));
      if (patch?.grpc) effects.push(grpcPatch(patch.grpc, spec, descriptors, tools));
      let terminal: Terminal | null = null;
      if (abort) terminal = grpcAbort(abort);
      else if (mock) terminal = grpcTerminal(mock, spec, descriptors, tools);
      const outer = mock || fault?.delay ? [deadlineEffect(tools.clock, !mock)] : [];
      return { effects, terminal, outer };
    },
    bytesNeeded: bytesOfFirst,
  };
}
