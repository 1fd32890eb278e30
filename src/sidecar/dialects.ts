// The dialects of one process, with what the stages lend them. Commands that explain or check rules load them too.

import type { Dialect } from "../core/dialect.ts";
import type { Tap } from "../core/tap.ts";
import { createDialects, type DialectDeps } from "../proxy/lanes/dialects/all.ts";
import { compileJsonTest } from "../proxy/match/body-match.ts";
import { Patterns } from "../proxy/match/pattern.ts";
import { compileText } from "../proxy/match/text-match.ts";
import { decodedBody } from "../proxy/perform/content-encoding.ts";
import { holdBody } from "../proxy/perform/held-body.ts";
import { parseJson, rawNumber } from "../proxy/perform/json-document.ts";
import { createTemplateEngine, newTemplateBudget } from "../proxy/perform/template.ts";
import { templateRequestWith } from "../proxy/perform/template-request.ts";
import { connectTcp } from "../proxy/relay/connect-tcp.ts";
import { createOwnRequest } from "../proxy/relay/own-request.ts";
import type { UpstreamTrust } from "../proxy/relay/upstream-trust.ts";
import type { SidecarDeps } from "./options.ts";
import type { ConnectTcp } from "./upstreams.ts";

/** What differs between the dialects of a sidecar and those of a command. */
export interface DialectParts extends SidecarDeps {
  readonly tap: Tap;
  /** How requests of the sidecar's own are connected. */
  readonly connectTcp?: ConnectTcp;
  /** On which terms such requests speak TLS; left out: those of the system. */
  readonly trust?: UpstreamTrust;
  /** Who may be asked what their messages look like; left out: nobody. */
  readonly upstreams?: Parameters<typeof createDialects>[1];
}

/** Each dialect loads what is heavy when the first rule speaks of it. */
export function loadDialects(parts: DialectParts): readonly Dialect[] {
  const engine = createTemplateEngine(parts);
  const lent: DialectDeps = {
    jsonTest: compileJsonTest,
    textTest: (given, path) => compileText(given, path, new Patterns()),
    textTemplate(source, path) {
      const compiled = engine.compile(source, path);
      return (exchange, view) => compiled.render(templateRequestWith(exchange, view), newTemplateBudget());
    },
    parseJson: (written) => parseJson(written, rawNumber),
    holdBody,
    decodeBody: decodedBody,
    ask: createOwnRequest({
      connectTcp: parts.connectTcp ?? connectTcp,
      trust: parts.trust ?? { extraRoots: [], clientCertificates: [], unverified: [] },
    }),
    deadline: (ms) => AbortSignal.timeout(ms),
    tap: parts.tap,
  };
  return createDialects(lent, parts.upstreams ?? null);
}
