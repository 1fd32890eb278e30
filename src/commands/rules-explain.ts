// `understudy rules explain`: which rule would claim a call, or the closest misses and the first key on which each failed.

import { parseFiles, type ReadingProgress } from "../control/rules/read-rules.ts";
import { readRuleFiles } from "../control/rules/rule-files.ts";
import { toldOnce } from "../control/rules/shared-problems.ts";
import { systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/random.ts";
import type { RuleSpec } from "../core/rule.ts";
import type { Roll, RuleSet } from "../core/rule-set.ts";
import { formatProblem } from "../core/rule-source.ts";
import { defaultSettings } from "../core/settings.ts";
import { compileRules } from "../proxy/match/compile.ts";
import { explain } from "../proxy/match/explain.ts";
import { createPlanner } from "../proxy/perform/plan.ts";
import { loadDialects } from "../sidecar/dialects.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { readCall, usage, type WrittenCall } from "./described-call.ts";
import { asJson, asText } from "./explained-rules.ts";
import { parseFlags } from "./flags.ts";
import { sayIfSlow } from "./patience.ts";
import { understand } from "./understood-call.ts";

const help = `Usage: understudy rules explain FILE|FOLDER --request '[METHOD] URL' [options]

Tells which rule would claim a call, or, where none does, the closest misses and
the first key on which each failed. Nothing is sent anywhere.

  --request '[METHOD] URL'   the call: 'POST http://pay.shop.svc/v1/charges';
                             without a method GET, with --data POST. ws:// and
                             wss:// ask for a WebSocket, and
                             grpc://HOST/SERVICE/METHOD is a gRPC call;
                             'CONNECT HOST:PORT' asks for a tunnel
  -H, --header 'NAME: VALUE' a header field; may be repeated
  -d, --data TEXT|@FILE      the body; @FILE reads it from a file
  -m, --message TEXT|@FILE   a message of the WebSocket: which rules would act
                             on it
  --direction inbound|outbound
                             seen from the service (default: outbound)
  --destination HOST:PORT    where the client dialled (default: what the URL
                             names)
  --json                     print the explanation as JSON
  -h, --help                 this text

The message of a gRPC call is given as JSON (the rules name its descriptors), or
as bytes in a file; a GraphQL call as JSON or as its document alone. Where
something is assumed, the first line says what the call was understood as.

Draws are not made: a rule with a percentage is told as the share of such calls
that it claims. States are taken as "initial", and no call as being in flight.
Rules on messages of a WebSocket claim no call; they are told beside the one
that does.

Exit code: 0 some rule claims such calls or acts on messages, 1 none does, 64
the command line is not understood, 65 the rules are refused.

Examples:
  understudy rules explain mocks.yaml --request http://payments.shop/v1/charges
  understudy rules explain mocks.yaml --request grpc://shop/shop.v1.Stock/Get \\
    -H 'x-tenant: qa' -d '{"sku": "tom"}'
`;

export const rulesExplain: Command = {
  name: "rules explain",
  summary: "tell which rule would claim a call, and why",
  help,
  async run(args, shell) {
    const asked = await readArguments(args, shell);
    const progress: ReadingProgress = { rules: 0 };
    const reading = loadRules(asked.path, shell, progress);
    const soFar = () => `${progress.rules} rules read`;
    const rules = await sayIfSlow(reading, `reading ${asked.path}`, shell.stderr, systemClock, soFar);
    if (rules === null) return exitCodes.badData;
    const { call, understood } = understand(asked.call, rules.specs);
    const explanation = explain(rules.compiled, call, describedRoll());
    shell.stdout.write(asked.json ? asJson(explanation, understood) : asText(explanation, understood));
    const { claims, messages } = explanation;
    return claims.length > 0 || messages.some(({ items }) => items.some(({ holds }) => holds !== false))
      ? exitCodes.ok
      : exitCodes.failed;
  },
};

interface Asked {
  readonly path: string;
  readonly call: WrittenCall;
  readonly json: boolean;
}

async function readArguments(args: readonly string[], shell: Shell): Promise<Asked> {
  const { values, positionals } = parse(args);
  const [path, ...others] = positionals;
  const url = positionals.find((one) => one.includes("://"));
  if (url !== undefined && others.length > 0) {
    const [method = values.request] = positionals.filter((one) => /^[A-Z]+$/.test(one));
    const meant = [method, url].filter((one) => one !== undefined && !/\s/.test(one)).join(" ");
    throw usage(`expected the call in one word, as in --request '${meant}'`);
  }
  if (path === undefined || others.length > 0) {
    throw usage(`expected one file or folder of rules, got ${positionals.length}`);
  }
  return { path, call: await readCall(values, shell), json: values.json ?? false };
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

interface Loaded {
  readonly compiled: RuleSet;
  readonly specs: readonly RuleSpec[];
}

/** null where the rules are refused: then the problems have been printed. */
async function loadRules(path: string, shell: Shell, progress: ReadingProgress): Promise<Loaded | null> {
  const { files, problems: unread } = await readRuleFiles(path, shell.cwd);
  const parsed = await parseFiles(files, systemClock, new AbortController().signal, progress);
  const problems = [...unread, ...parsed.problems];
  if (problems.length === 0) {
    const tools = { clock: systemClock, random: systemRandom };
    const dialects = loadDialects({ ...tools, tap: { observe: () => undefined } });
    const { limits, deadlines } = defaultSettings;
    const rest = { maxBodyBytes: limits.maxRuleBodyBytes, hangMs: deadlines.hangMs, dialects };
    const compiled = compileRules(parsed.rules, createPlanner({ ...tools, ...rest }), "", dialects);
    if (!("problems" in compiled)) return { compiled, specs: parsed.rules };
    for (const { rule, problem } of toldOnce(compiled.problems)) {
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
