// `understudy rules explain`: which rule would claim a call, or the closest misses and the first key on which each failed.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseFiles } from "../control/rules/read-rules.ts";
import { readRuleFiles } from "../control/rules/rule-files.ts";
import { parseHostPort } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import type { ConnectionFacts } from "../core/connection.ts";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import type { HeaderList } from "../core/headers.ts";
import { systemRandom } from "../core/random.ts";
import type { Roll, RuleSet } from "../core/rule-set.ts";
import { formatProblem } from "../core/rule-source.ts";
import { defaultSettings } from "../core/settings.ts";
import { compileRules } from "../proxy/match/compile.ts";
import { type DescribedCall, explain } from "../proxy/match/explain.ts";
import { requestHead } from "../proxy/match/request-head.ts";
import { createPlanner } from "../proxy/perform/plan.ts";
import { loadDialects } from "../sidecar/dialects.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { asJson, asText } from "./explained-rules.ts";
import { parseFlags } from "./flags.ts";
import { sayIfSlow } from "./patience.ts";

const help = `Usage: understudy rules explain FILE|FOLDER --request '[METHOD] URL' [options]

Tells which rule would claim a call, or, where none does, the closest misses and
the first key on which each failed. Nothing is sent anywhere.

  --request '[METHOD] URL'   the call: 'POST http://payments.shop.svc/v1/charges'
                             (default method: GET)
                             ws://… and wss://… ask for a WebSocket
  -H, --header 'NAME: VALUE' a header field; may be repeated
  -d, --data TEXT|@FILE      the body; @FILE reads it from a file
  -m, --message TEXT         a message of the WebSocket: which rules would act on it
  --direction inbound|outbound
                             seen from the service (default: outbound)
  --destination HOST:PORT    where the client dialled (default: what the URL names)
  --json                     print the explanation as JSON

Draws are not made: a rule with a percentage is told as the share of such calls
that it claims. States are taken as "initial", and no call as being in flight.
Rules on messages of a WebSocket claim no call; they are told beside the one that
does.

Exit code: 0 some rule claims such calls or acts on messages, 1 none does, 64 the command line is
not understood, 65 the rules are refused.
`;

export const rulesExplain: Command = {
  name: "rules explain",
  summary: "tell which rule would claim a call, and why",
  help,
  async run(args, shell) {
    const asked = await readArguments(args, shell);
    const reading = loadRules(asked.path, shell);
    const rules = await sayIfSlow(reading, `reading ${asked.path}`, shell.stderr, systemClock);
    if (rules === null) return exitCodes.badData;
    const explanation = explain(rules, asked.call, describedRoll());
    shell.stdout.write(asked.json ? asJson(explanation) : asText(explanation));
    const { claims, messages } = explanation;
    return claims.length > 0 || messages.some(({ items }) => items.some(({ holds }) => holds !== false))
      ? exitCodes.ok
      : exitCodes.failed;
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
      ...(values.message === undefined
        ? {}
        : { message: { binary: false, bytes: Buffer.from(values.message) } }),
    },
    json: values.json ?? false,
  };
}

function parse(args: readonly string[]) {
  return parseFlags(args, {
    command: "rules explain",
    operands: "one file or folder of rules",
    options: {
      request: { type: "string" },
      header: { type: "string", short: "H", multiple: true },
      data: { type: "string", short: "d" },
      message: { type: "string", short: "m" },
      direction: { type: "string" },
      destination: { type: "string" },
      json: { type: "boolean" },
    },
  });
}

function usage(message: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError("usage", `rules explain: ${message}`, { cause });
}

const upgradeFields: HeaderList = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
];

function readRequest(text: string, given: HeaderList): DescribedCall["head"] {
  const [, method = "GET", named = ""] = /^\s*(?:([!#$%&'*+.^_`|~\w-]+)\s+)?(\S+)\s*$/.exec(text) ?? [];
  const url = named.replace(/^ws(?=s?:\/\/)/, "http");
  const headers = url === named ? given : [...given, ...upgradeFields];
  const head = requestHead({ method, url, headers });
  if (url !== named && method !== "GET") {
    throw usage(`--request: expected GET, with which a WebSocket is asked for, got ${JSON.stringify(text)}`);
  }
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

/** null where the rules are refused: then the problems have been printed. */
async function loadRules(path: string, shell: Shell): Promise<RuleSet | null> {
  const { files, problems: unread } = await readRuleFiles(path, shell.cwd);
  const parsed = await parseFiles(files, systemClock, new AbortController().signal);
  const problems = [...unread, ...parsed.problems];
  if (problems.length === 0) {
    const tools = { clock: systemClock, random: systemRandom };
    const dialects = loadDialects({ ...tools, tap: { observe: () => undefined } });
    const { limits, deadlines } = defaultSettings;
    const rest = { maxBodyBytes: limits.maxRuleBodyBytes, hangMs: deadlines.hangMs, dialects };
    const compiled = compileRules(parsed.rules, createPlanner({ ...tools, ...rest }), "", dialects);
    if (!("problems" in compiled)) return compiled;
    for (const { rule, problem } of compiled.problems) {
      problems.push({ ...parsed.locate(rule, problem.path), message: problem.message });
    }
  }
  for (const problem of problems) shell.stderr.write(`${formatProblem(problem)}\n`);
  return null;
}

function describedRoll(): Roll {
  const activeCalls = () => 0;
  const hasRoom = () => true;
  return {
    nowMs: systemClock.wall(),
    steadyMs: systemClock.now(),
    seed: 0,
    activeCalls,
    hasRoom,
    faultsHalted: false,
    stateOf: () => undefined,
  };
}
