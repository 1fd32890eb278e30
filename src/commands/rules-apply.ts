// `understudy rules apply`: makes the rules of some files those that are in force in a store, for as long as this runs or for
// good.

import { leaseRules } from "../control/rules/registry/owner-lease.ts";
import { diffRules, isEmpty } from "../control/rules/registry/rule-diff.ts";
import { systemClock } from "../core/clock.ts";
import { UnderstudyError } from "../core/errors.ts";
import { formatDuration, parseDuration } from "../core/units.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { changeFlags, changeHelp, durationOf, finishChange, waitWhereAsked } from "./finish-change.ts";
import { diffJson, diffSummary, diffText, rulesInForce, rulesOfFiles } from "./rule-changes.ts";
import {
  authorOf,
  countOf,
  mostVersion,
  newId,
  type StoreLine,
  storeExitHelp,
  storeFlagsHelp,
  withStore,
} from "./store-line.ts";

const help = `Usage: understudy rules apply FILE|FOLDER... --store URL [FLAGS]

Makes these rules the applied ones: what is new comes, what is not in the files
goes, all at one moment. The rules are checked first, and what changes is shown.
Rules that were written by hand as keys of their own stay as they are.

  --expect VERSION         refuse unless that version is in force (rules history
                           shows it); 0: none yet
  --lease [TIME]           the rules belong to this process: they are in force
                           while it runs, and vanish from every sidecar within
                           TIME (30s) after it ends, dies or is cut off; the
                           applied rules stay as they are
${changeHelp}  --dry-run                write nothing, as rules diff

${storeFlagsHelp}
${storeExitHelp("0 done or nothing to do, 1 some sidecar lags (--wait)")}

Examples:
  understudy rules apply mocks.yaml --store consul://127.0.0.1:8500 --wait
  understudy rules apply faults.yaml --store etcd://127.0.0.1:2379 --lease 20s
`;

const usualLease = "30s";

export const rulesApply: Command = {
  name: "rules apply",
  summary: "Put rules of files in force in a store, at once",
  help,
  run(args, shell) {
    const spec = {
      command: "rules apply",
      flags: { ...changeFlags, expect: "string", lease: "string", "dry-run": "boolean" },
      operands: { what: "a file or a folder of rules", least: 1, most: 100 },
    } as const;
    return withStore(withLeaseTime(args), shell, spec, async (line, signal) =>
      line.isSet("lease") ? lease(line, shell, signal) : apply(line, shell, signal),
    );
  },
};

/** --lease may stand alone. */
function withLeaseTime(args: readonly string[]): readonly string[] {
  return args.flatMap((word, at) => {
    const isAlone = word === "--lease" && parseDuration(args[at + 1] ?? "") === undefined;
    return isAlone ? [`--lease=${usualLease}`] : [word];
  });
}

async function apply(line: StoreLine, shell: Shell, signal: AbortSignal): Promise<number> {
  const { registry, json } = line;
  const rules = await rulesOfFiles(line.operands, shell);
  const seen = await registry.state(signal);
  const inForce = seen.manifest?.value.version ?? 0;
  const expected = countOf("--expect", line.text("expect"), inForce, mostVersion);
  if (expected !== inForce) {
    throw new UnderstudyError(
      "store_conflict",
      `--expect: expected version ${expected} in force, got ${inForce}`,
    );
  }
  const diff = diffRules(rulesInForce(seen), rules);
  if (!json) shell.stdout.write(diffText(diff, shell));
  const isDry = line.isSet("dry-run");
  if (isEmpty(diff) || isDry) {
    const had = `version ${inForce} has these rules already`;
    if (!json) shell.stdout.write(`${isEmpty(diff) ? had : `would be: ${diffSummary(diff)}`}\n`);
    const told = { applied: false, version: inForce, ...diffJson(diff) };
    if (!isDry) return finishChange(line, shell, signal, seen.manifest?.index ?? 0, told);
    if (json) shell.stdout.write(`${JSON.stringify(told)}\n`);
    return exitCodes.ok;
  }
  const { version, index } = await registry.put(rules, "apply", seen, signal);
  if (!json) shell.stdout.write(`version ${version} is in force: ${diffSummary(diff)}\n`);
  return finishChange(line, shell, signal, index, { applied: true, version, index, ...diffJson(diff) });
}

async function lease(line: StoreLine, shell: Shell, signal: AbortSignal): Promise<number> {
  const leaseMs = durationOf("--lease", line.text("lease"), 0);
  const rules = await rulesOfFiles(line.operands, shell);
  const { store, prefix, audience, json } = line;
  const options = { store, prefix, audience, owner: authorOf(shell), leaseMs };
  const leased = await leaseRules(rules, options, { clock: systemClock, newId }, signal);
  const names = rules.map(({ name }) => name);
  const until = `while this runs, and at most ${formatDuration(leaseMs)} longer`;
  shell.stdout.write(
    json
      ? `${JSON.stringify({ leased: names, index: leased.index, leaseMs })}\n`
      : `in force ${until}: ${names.join(", ")}\n`,
  );
  const keeping = leased.keep(signal);
  const waiting = waitWhereAsked(line, leased.index, shell, signal).catch(() => null);
  await Promise.all([keeping, waiting]);
  if (!json) shell.stdout.write("no longer in force\n");
  return exitCodes.ok;
}
