// `understudy rules check`: what a sidecar would say of these rules, without one.

import { inOrderOfLines } from "../control/rules/problem-order.ts";
import { parseFiles, type ReadingProgress } from "../control/rules/read-rules.ts";
import { type RuleFile, readRuleFiles } from "../control/rules/rule-files.ts";
import { toldOnce } from "../control/rules/shared-problems.ts";
import { systemClock } from "../core/clock.ts";
import { UnderstudyError } from "../core/errors.ts";
import { systemRandom } from "../core/random.ts";
import { formatProblem, type Problem } from "../core/rule-source.ts";
import { defaultSettings } from "../core/settings.ts";
import { runInTurns } from "../core/turns.ts";
import { compileSteps } from "../proxy/match/compile.ts";
import { createPlanner } from "../proxy/perform/plan.ts";
import { loadDialects } from "../sidecar/dialects.ts";
import { type Command, exitCodes } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { sayIfSlow } from "./patience.ts";

const help = `Usage: understudy rules check FILE|FOLDER... [--json]

Reads rules as a sidecar would and says all that is wrong with them, one line
each:

    mocks.yaml:6: rules[0].ttl: unknown key "ttl" here, did you mean scope.ttl?

Several paths are checked as one set: a name must be unique across them. Of a
folder, all *.yaml, *.yml and *.json files are read, in the order of their
names.

  --json      print {"ok", "rules", "files", "problems"}, each problem as
              {"place", "path", "message"}
  -h, --help  this text

Exit code: 0 where the rules are good, 65 where they are not, 64 where the
command line is not understood.
`;

/** Nobody watches a check. */
const noTap = { observe: () => undefined };

export interface Verdict {
  readonly rules: number;
  readonly files: number;
  /** The files themselves. */
  readonly read: readonly RuleFile[];
  readonly problems: readonly Problem[];
}

export const rulesCheck: Command = {
  name: "rules check",
  summary: "Check files of rules and show each mistake with its line",
  help,
  async run(args, shell) {
    const { paths, json } = parse(args);
    const progress: ReadingProgress = { rules: 0 };
    const reading = check(paths, shell.cwd, progress);
    const deed = `checking ${paths.join(", ")}`;
    const verdict = await sayIfSlow(
      reading,
      deed,
      shell.stderr,
      systemClock,
      () => `${progress.rules} rules read`,
    );
    shell.stdout.write(json ? inJson(verdict) : inLines(verdict));
    return verdict.problems.length === 0 ? exitCodes.ok : exitCodes.badData;
  },
};

function parse(args: readonly string[]): { readonly paths: readonly string[]; readonly json: boolean } {
  const { values, positionals } = parseFlags(args, {
    command: "rules check",
    options: { json: { type: "boolean", default: false } },
    operands: "files and folders of rules",
  });
  if (positionals.length > 0) return { paths: positionals, json: values.json };
  throw new UnderstudyError("usage", "rules check: expected a file or a folder of rules, got nothing");
}

/** What is wrong with the rules of these paths, as one set; all that can be said without a sidecar. */
export async function check(
  paths: readonly string[],
  cwd: string,
  progress?: ReadingProgress,
): Promise<Verdict> {
  const forever = new AbortController().signal;
  const found = await Promise.all(paths.map((path) => readRuleFiles(path, cwd)));
  const files = found.flatMap((one) => one.files);
  const read = await parseFiles(files, systemClock, forever, progress);
  const unreadable = found.flatMap((one) => one.problems);
  const problems = [...unreadable, ...read.problems];
  if (problems.length > 0) return { rules: 0, files: files.length, read: files, problems };
  const dialects = loadDialects({ clock: systemClock, random: systemRandom, tap: noTap });
  const plan = createPlanner({
    clock: systemClock,
    random: systemRandom,
    maxBodyBytes: defaultSettings.limits.maxRuleBodyBytes,
    hangMs: defaultSettings.deadlines.hangMs,
    dialects,
  });
  const compiled = await runInTurns(compileSteps(read.rules, plan, "check", dialects), systemClock, forever);
  const wrong = "problems" in compiled ? compiled.problems : [];
  return {
    rules: read.rules.length,
    files: files.length,
    read: files,
    problems: inOrderOfLines(
      toldOnce(wrong).map(({ rule, problem }) => ({
        ...read.locate(rule, problem.path),
        message: problem.message,
      })),
    ),
  };
}

function inJson({ rules, files, problems }: Verdict): string {
  return `${JSON.stringify({ ok: problems.length === 0, rules, files, problems })}\n`;
}

function inLines({ rules, files, problems }: Verdict): string {
  const lines = problems.map((problem) => `${formatProblem(problem)}\n`).join("");
  if (problems.length > 0) {
    const where = files === 0 ? "" : ` in ${count(files, "file")}`; // what could not be read counts as none
    return `${lines}${count(problems.length, "problem")}${where}\n`;
  }
  const why = files === 0 ? ": no *.yaml, *.yml or *.json there (subfolders are not read)" : "";
  return `ok: ${count(rules, "rule")} in ${count(files, "file")}${why}\n`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
