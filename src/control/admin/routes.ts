// What the admin port answers: a table of paths, and pure functions from a request to a reply. No sockets here.

import { answerPlayground, isPlayground, type Playground, playgroundPath } from "./playground/routes.ts";
import { type AdminReply, type AdminRequest, json } from "./reply.ts";

/** What a client may ask about the calls; the journal's own filter has the same shape. */
export interface JournalQuery {
  readonly limit?: number;
  readonly rule?: string;
  readonly host?: string;
  readonly outcome?: string;
  readonly since?: number;
}

/** The rules in force. */
export interface RuleStatus {
  /** null: none were applied yet. */
  readonly revision: string | null;
  readonly count: number;
  /** Why the newest rules are not in force; empty where they are. One formatted line each. */
  readonly problems: readonly string[];
}

/** Whether faults may happen, here and, as far as is known, elsewhere. */
export interface FaultStatus {
  readonly halted: boolean;
  /** Orders words on this; 0: nobody has said anything. */
  readonly time: number;
  /** Who said it. */
  readonly by: string;
  /** Rules with faults that are in force here. */
  readonly faults: readonly string[];
  /** Of the other live sidecars of the mesh; empty without one. */
  readonly members: readonly { readonly name: string; readonly halted: boolean; readonly time: number }[];
}

/** Where the answers come from. Each is asked anew for each request, and may throw: the client is told. */
export interface AdminSources {
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
  readonly journal: (filter: JournalQuery) => readonly unknown[];
  readonly rules: () => RuleStatus;
  /** `reasons`: why not, for people. `details`: what else is worth knowing, and no reason to take traffic away. */
  readonly ready: () => { ready: boolean; reasons: readonly string[]; details?: readonly string[] };
  readonly faults: {
    status(): FaultStatus;
    /** Holds here when it returns. */
    say(halted: boolean, by: string): FaultStatus;
  };
  /** null: this sidecar is in no mesh. */
  readonly mesh: (withFaultNames: boolean) => Promise<unknown>;
  /** Left out: there is none. */
  readonly playground?: Playground;
}

interface Route {
  readonly path: string;
  readonly summary: string;
  /** What asks with POST rather than GET. */
  readonly changes?: true;
  answer(query: URLSearchParams, sources: AdminSources): AdminReply | Promise<AdminReply>;
}

const routes: readonly Route[] = [
  {
    path: "/healthz",
    summary: "200 while the process answers",
    answer: () => json(200, { healthy: true }),
  },
  {
    path: "/readyz",
    summary: "200 when traffic is accepted and the rules are in force, else 503 with the reasons",
    answer: (_query, { ready }) => {
      const state = ready();
      return json(state.ready ? 200 : 503, state);
    },
  },
  {
    path: "/metrics",
    summary: "metrics for Prometheus",
    answer: async (_query, { metrics }) => {
      const { contentType, text } = await metrics();
      return { status: 200, contentType, body: text };
    },
  },
  {
    path: "/journal",
    summary: "recent calls, newest first: ?limit= (100, at most 10000) &rule= &host= &outcome= &since=ID",
    answer: (query, { journal }) => {
      const filter = readJournalQuery(query);
      return typeof filter === "string"
        ? json(400, { error: filter })
        : json(200, { calls: journal(filter) });
    },
  },
  {
    path: "/rules",
    summary: "revision and number of the rules in force, problems of the newest",
    answer: (_query, { rules }) => json(200, rules()),
  },
  {
    path: "/mesh",
    summary:
      "members of the mesh, and what each says of itself: ?faults asks each for the names of its faults",
    answer: async (query, { mesh }) => {
      const state = await mesh(query.has("faults"));
      return state === null
        ? json(404, { error: "this sidecar is in no mesh: see --gossip" })
        : json(200, state);
    },
  },
  {
    path: "/faults",
    summary: "whether faults are stopped, and which could happen",
    answer: (_query, { faults }) => json(200, faults.status()),
  },
  {
    path: "/faults/stop",
    summary: "POST: no fault happens any more, here and in the whole mesh: ?by=NAME",
    changes: true,
    answer: (query, { faults }) => json(200, faults.say(true, query.get("by") ?? "")),
  },
  {
    path: "/faults/resume",
    summary: "POST: faults may happen again: ?by=NAME",
    changes: true,
    answer: (query, { faults }) => json(200, faults.say(false, query.get("by") ?? "")),
  },
];

/** Never rejects. GET and HEAD, and POST where something changes or a mock is asked. */
export async function answerAdmin(request: AdminRequest, sources: AdminSources): Promise<AdminReply> {
  const { path, query } = splitTarget(request.target);
  const { playground } = sources;
  if (playground && isPlayground(path)) {
    return answerPlayground(path, query, request, playground).catch((thrown: unknown) => failed(thrown));
  }
  const route = routes.find((candidate) => candidate.path === path);
  if (!route && path !== "/") {
    return json(404, { error: `nothing at ${path}`, paths: routes.map(({ path: known }) => known) });
  }
  const methods = route?.changes ? ["POST"] : ["GET", "HEAD"];
  if (!methods.includes(request.method)) {
    const error = `expected ${methods.join(" or ")}, got ${request.method}`;
    return { ...json(405, { error }), allow: methods.join(", ") };
  }
  if (route?.changes && request.unchanging !== null) return json(403, { error: request.unchanging });
  try {
    return route ? await route.answer(query, sources) : index(request.accept, sources);
  } catch (thrown) {
    return failed(thrown);
  }
}

function failed(thrown: unknown): AdminReply {
  return json(500, { error: thrown instanceof Error ? thrown.message : String(thrown) });
}

function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark === -1 ? "" : target.slice(mark + 1)) };
}

function index(accept: string, { playground }: AdminSources): AdminReply {
  const extra = { path: playgroundPath, summary: "GraphiQL for the schemas that rules mock" };
  const known: readonly Pick<Route, "path" | "summary">[] = playground ? [...routes, extra] : routes;
  if (!accept.includes("text/html")) {
    return json(200, {
      understudy: "admin",
      paths: Object.fromEntries(known.map((r) => [r.path, r.summary])),
    });
  }
  const rows = known.map(
    ({ path, summary }) => `<li><a href="${path}">${path}</a> ${summary.replaceAll("&", "&amp;")}</li>`,
  );
  const body = `<!doctype html><meta charset="utf-8"><title>Understudy</title><h1>Understudy</h1><ul>${rows.join("")}</ul>\n`;
  return { status: 200, contentType: "text/html; charset=utf-8", body };
}

/** To tell of more at once would keep traffic waiting. */
const maxCalls = 10_000;

const outcomes = ["relayed", "mocked", "aborted", "refused", "failed"];

/** The filter, or what is wrong with it. A slip must not look like "no such calls". */
function readJournalQuery(query: URLSearchParams): JournalQuery | string {
  const filter: { limit?: number; rule?: string; host?: string; outcome?: string; since?: number } = {};
  for (const [key, value] of query) {
    switch (key) {
      case "limit":
      case "since":
        if (!/^\d{1,15}$/.test(value)) return `${key}: expected a whole number, got ${JSON.stringify(value)}`;
        filter[key] = Number(value);
        if (key === "limit" && filter[key] > maxCalls)
          return `limit: expected at most ${maxCalls}, got ${value}`;
        break;
      case "outcome":
        if (!outcomes.includes(value)) {
          return `outcome: expected one of ${outcomes.join(", ")}, got ${JSON.stringify(value)}`;
        }
        filter.outcome = value;
        break;
      case "rule":
      case "host":
        filter[key] = value;
        break;
      default:
        return `${key}: expected one of limit, rule, host, outcome, since`;
    }
  }
  return filter;
}
