// Every event as a debug line of its area, connections included. What happens between the events, the stages themselves tell.

import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Debug } from "../../core/debug.ts";
import { printable } from "../../core/printable.ts";
import type { Tap, TapEvent } from "../../core/tap.ts";
import { callText, elapsedText, opaqueText } from "./call-text.ts";

/** Troubles are lines of the area that they name. */
export function createDebugLines(debug: Debug): Tap {
  const lines = {
    accept: debug("accept"),
    detect: debug("detect"),
    http1: debug("http1"),
    http2: debug("http2"),
    opaque: debug("opaque"),
    rules: debug("rules"),
    stores: debug("stores"),
    faults: debug("faults"),
    websocket: debug("websocket"),
  };
  return {
    observe(event) {
      switch (event.kind) {
        case "call":
          lines[event.protocol === "http/2" ? "http2" : "http1"](
            () => `${event.connectionId} ${callLine(event)}`,
          );
          break;
        case "opaque":
          lines.opaque(() => `${event.connectionId} ${callLine(event)}`);
          break;
        case "connection-opened":
        case "connection-closed":
          lines.accept(() => connectionLine(event));
          break;
        case "message-touched":
          lines.websocket(() => printable(`${event.connectionId} a message touched by ${event.rule}`));
          break;
        case "detection-timeout":
          lines.detect(() => connectionLine(event));
          break;
        case "rules-applied":
          lines.rules(() => `revision ${event.revision}, ${event.rules} rules`);
          break;
        case "rules-rejected":
          lines.rules(() => printable(`rejected: ${event.problems.slice(0, 10).join("; ")}`));
          break;
        case "rule-source":
          lines.stores(() => printable(sourceText(event)));
          break;
        case "faults-stopped":
          lines.faults(() => printable(`faults ${event.stopped ? "stopped" : "resumed"} by ${event.by}`));
          break;
        case "trouble":
          debug(event.area)(() => printable(event.message));
          break;
        case "graphql":
          debug("graphql")(() => printable(`${event.rule}: ${JSON.stringify(event.what)}`));
          break;
        default:
          event satisfies never;
      }
    },
  };
}

/** What is said of a store of rules whose contact was made or lost. */
function sourceText({ source, connected, reason }: Extract<TapEvent, { kind: "rule-source" }>): string {
  return connected ? `${source} answers` : `${source} is away: ${reason}`;
}

function callLine(event: Extract<TapEvent, { kind: "call" | "opaque" }>): string {
  const { called, outcome } = event.kind === "call" ? callText(event) : opaqueText(event);
  const flags = event.flags.length === 0 ? "" : ` ${event.flags.join(",")}`;
  return `${called} via ${placeText(event.upstream)} → ${outcome}${flags} ${elapsedText(event.durationMs)}`;
}

function connectionLine(
  event: Extract<TapEvent, { kind: "connection-opened" | "connection-closed" | "detection-timeout" }>,
): string {
  const { id, direction, downstream, originalDestination } = event.connection;
  const what = {
    "connection-opened": "opened",
    "connection-closed": "closed",
    "detection-timeout": "silent",
  }[event.kind];
  return `${id} ${what}, ${direction} from ${formatHostPort(downstream)} to ${placeText(originalDestination)}`;
}

function placeText(place: HostPort | null): string {
  return place ? formatHostPort(place) : "nobody";
}
