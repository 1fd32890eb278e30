// The dialects of one process, with what the stages lend them. Commands that explain or check rules load them too.

import type { Dialect } from "../core/dialect.ts";
import type { Tap } from "../core/tap.ts";
import type { createDialects, DialectDeps } from "../proxy/lanes/dialects/all.ts";
import { decodedBody } from "../proxy/perform/content-encoding.ts";
import type { SidecarDeps } from "./options.ts";
import type { ConnectTcp } from "./upstreams.ts";

/** What differs between the dialects of a sidecar and those of a command. */
export interface DialectParts extends SidecarDeps {
  readonly tap: Tap;
  /** How requests of the sidecar's own are connected. */
  readonly connectTcp?: ConnectTcp;
  readonly extraRoots?: readonly string[];
  /** Who may be asked what their messages look like; left out: nobody. */
  readonly upstreams?: Parameters<typeof createDialects>[1];
}

/** Each dialect loads what is heavy when the first rule speaks of it. */
export async function loadDialects(parts: DialectParts): Promise<readonly Dialect[]> {
  const [all, match, text, pattern, template, request, json, held, own, tcp] = await Promise.all([
    import("../proxy/lanes/dialects/all.ts"),
    import("../proxy/match/body-match.ts"),
    import("../proxy/match/text-match.ts"),
    import("../proxy/match/pattern.ts"),
    import("../proxy/perform/template.ts"),
    import("../proxy/perform/template-request.ts"),
    import("../proxy/perform/json-document.ts"),
    import("../proxy/perform/held-body.ts"),
    import("../proxy/relay/own-request.ts"),
    import("../proxy/relay/connect-tcp.ts"),
  ]);
  const engine = template.createTemplateEngine(parts);
  const lent: DialectDeps = {
    jsonTest: match.compileJsonTest,
    textTest: (given, path) => text.compileText(given, path, new pattern.Patterns()),
    textTemplate(source, path) {
      const compiled = engine.compile(source, path);
      return (exchange, view) =>
        compiled.render(request.templateRequestWith(exchange, view), template.newTemplateBudget());
    },
    parseJson: (written) => json.parseJson(written, json.rawNumber),
    holdBody: held.holdBody,
    decodeBody: decodedBody,
    ask: own.createOwnRequest({
      connectTcp: parts.connectTcp ?? tcp.connectTcp,
      extraRoots: parts.extraRoots ?? [],
    }),
    deadline: (ms) => AbortSignal.timeout(ms),
    tap: parts.tap,
  };
  return all.createDialects(lent, parts.upstreams ?? null);
}
