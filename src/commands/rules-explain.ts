// `understudy rules explain`: which rule would claim a call, or the closest misses and the first key on which each failed.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseFiles } from "../control/rules/read-rules.ts";
import { readRuleFiles } from "../control/rules/rule-files.ts";
import { parseHostPort } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import type { ConnectionFacts } from "../core/connection.ts";
import { relayTerminal } from "../core/effect.ts";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import type { HeaderList } from "../core/headers.ts";
import { systemRandom } from "../core/random.ts";
import type { Plan, Roll, RuleSet } from "../core/rule-set.ts";
import { formatProblem } from "../core/rule-source.ts";
import { compileRules } from "../proxy/match/compile.ts";
import { type DescribedCall, type Explanation, explain, type Miss } from "../proxy/match/explain.ts";
import { requestHead } from "../proxy/match/request-head.ts";
import { loadDialects } from "../sidecar.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";

const help = `Usage: understudy rules explain FILE|FOLDER --request '[METHOD] URL' [options]

Tells which rule would claim a call, or, where none does, the closest misses and
the first key on which each failed. Nothing is sent anywhere.

  --request '[METHOD] URL'   the call: 'POST http://payments.shop.svc/v1/charges'
                             (default method: GET)
  -H, --header 'NAME: VALUE' a header field; may be repeated
  -d, --data TEXT|@FILE      the body; @FILE reads it from a file
  --direction inbound|outbound
                             seen from the service (default: outbound)
  --destination HOST:PORT    where the client dialled (default: what the URL names)
  --json                     print the explanation as JSON

Draws are not made: a rule with a percentage is told as the share of such calls
that it claims. States are taken as "initial", and no call as being in flight.

Exit code: 0 some rule claims such calls, 1 none does, 64 the command line is
not understood, 65 the rules are refused.
`;

export const rulesExplain: Command = {
  name: "rules explain",
  summary: "tell which rule would claim a call, and why",
  help,
  async run(args, shell) {
    const asked = await readArguments(args, shell);
    const rules = await loadRules(asked.path, shell);
    if (rules === null) return exitCodes.badData;
    const explanation = explain(rules, asked.call, describedRoll());
    shell.stdout.write(asked.json ? asJson(explanation) : asText(explanation));
    return explanation.claims.length > 0 ? exitCodes.ok : exitCodes.failed;
  },
};

interface Asked {
  readonly path: string;
  readonly call: DescribedCall;
  readonly json: boolean;
}

async function readArguments(args: readonly string[], shell: Shell): Promise<Asked> {
  const { values, positionals } = parse(args);
  const [path, ...others] = positionals;
  if (path === undefined || others.length > 0) {
    throw usage(`expected one file or folder of rules, got ${positionals.length}`);
  }
  if (values.request === undefined) throw usage(`--request: expected a call such as 'GET http://host/path'`);
  const head = readRequest(values.request, (values.header ?? []).map(readHeader));
  return {
    path,
    call: {
      head,
      connection: readConnection(values.direction, values.destination),
      body: await readBody(values.data, shell),
    },
    json: values.json ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        request: { type: "string" },
        header: { type: "string", short: "H", multiple: true },
        data: { type: "string", short: "d" },
        direction: { type: "string" },
        destination: { type: "string" },
        json: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw usage(messageOf(cause), cause);
  }
}

function usage(message: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError("usage", `rules explain: ${message}`, { cause });
}

function readRequest(text: string, headers: HeaderList): DescribedCall["head"] {
  const [, method = "GET", url = ""] = /^\s*(?:([!#$%&'*+.^_`|~\w-]+)\s+)?(\S+)\s*$/.exec(text) ?? [];
  const head = requestHead({ method, url, headers });
  if (head === null) {
    throw usage(`--request: expected '[METHOD] http://host/path', got ${JSON.stringify(text)}`);
  }
  return head;
}

function readHeader(text: string): readonly [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*?)\s*$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw usage(`--header: expected 'NAME: VALUE', got ${JSON.stringify(text)}`);
  }
  return [name, value];
}

function readConnection(direction = "outbound", destination?: string): ConnectionFacts {
  if (direction !== "inbound" && direction !== "outbound") {
    throw usage(`--direction: expected inbound or outbound, got ${JSON.stringify(direction)}`);
  }
  return {
    id: "described",
    direction,
    downstream: { host: "127.0.0.1", port: 0 },
    originalDestination: destination === undefined ? null : readDestination(destination),
  };
}

function readDestination(text: string): ConnectionFacts["originalDestination"] {
  try {
    return parseHostPort(text, "--destination");
  } catch (cause) {
    throw usage(messageOf(cause), cause);
  }
}

async function readBody(data: string | undefined, shell: Shell): Promise<Uint8Array> {
  if (!data?.startsWith("@")) return Buffer.from(data ?? "");
  try {
    return await readFile(resolve(shell.cwd, data.slice(1)));
  } catch (cause) {
    throw usage(`--data: expected a file that can be read: ${messageOf(cause)}`, cause);
  }
}

/** What a rule would do has no part in whether it claims. */
const noPlan: Plan = { effects: [], terminal: relayTerminal };

/** null where the rules are refused: then the problems have been printed. */
async function loadRules(path: string, shell: Shell): Promise<RuleSet | null> {
  const { files, problems: unread } = await readRuleFiles(path, shell.cwd);
  const parsed = await parseFiles(files, systemClock, new AbortController().signal);
  const problems = [...unread, ...parsed.problems];
  if (problems.length === 0) {
    const compiled = compileRules(
      parsed.rules,
      () => noPlan,
      "",
      await loadDialects({ clock: systemClock, random: systemRandom, tap: { observe: () => undefined } }),
    );
    if (!("problems" in compiled)) return compiled;
    for (const { rule, problem } of compiled.problems) {
      problems.push({ ...parsed.locate(rule, problem.path), message: problem.message });
    }
  }
  for (const problem of problems) shell.stderr.write(`${formatProblem(problem)}\n`);
  return null;
}

function describedRoll(): Roll {
  return { nowMs: systemClock.wall(), seed: 0, activeCalls: () => 0, stateOf: () => undefined };
}

function asText({ claims, misses }: Explanation): string {
  const lines: string[] = [];
  let open = 100;
  for (const { rule, matchIndex, percentage } of claims) {
    const others = lines.length === 0 ? "such calls" : "those that are left";
    const share = percentage === 100 ? "claims" : "would claim";
    const how = percentage === 100 ? "" : ` ${percentage} % of ${others}`;
    const item = rule.spec.matches.length === 0 ? "it claims every call" : `matches[${matchIndex}] holds`;
    lines.push(`${rule.spec.name} (${rule.spec.origin}) ${share}${how || " it"}: ${item}`);
    open *= 1 - percentage / 100;
  }
  if (claims.length === 0) lines.push("No rule claims it: the call is relayed as it is.");
  else if (open > 0) lines.push("No rule claims the others: they are relayed as they are.");
  const shown = misses.filter((miss) => !claims.some(({ rule }) => rule === miss.rule));
  if (shown.length > 0) lines.push("", "Closest misses:");
  for (const miss of shown) lines.push(...missLines(miss));
  return `${lines.join("\n")}\n`;
}

function missLines(miss: Miss): string[] {
  const { rule, matchIndex, satisfied, keys, failedKey, expected, actual } = miss;
  const place = /^(?:scope|state)\./.test(failedKey) ? failedKey : `matches[${matchIndex}].${failedKey}`;
  return [
    `  ${rule.spec.name} (${rule.spec.origin}): ${satisfied} of ${keys} keys hold`,
    `    ${place}: expected ${expected}, got ${actual}`,
  ];
}

function asJson({ claims, misses }: Explanation): string {
  const result = {
    claims: claims.map(({ rule, matchIndex, percentage }) => ({
      rule: rule.spec.name,
      origin: rule.spec.origin,
      matchIndex: rule.spec.matches.length === 0 ? null : matchIndex,
      percentage,
    })),
    misses: misses.map(({ rule, ...rest }) => ({ rule: rule.spec.name, origin: rule.spec.origin, ...rest })),
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}
