// `understudy rules rollback`: puts an earlier version of the applied rules in force again, as a new version.

import { digestOf, referenceOf } from "../control/rules/registry/manifest.ts";
import type { PastVersions } from "../control/rules/registry/past-versions.ts";
import type { DesiredRule } from "../control/rules/registry/registry.ts";
import type { RegistryState } from "../control/rules/registry/registry-state.ts";
import { diffRules } from "../control/rules/registry/rule-diff.ts";
import { UnderstudyError } from "../core/errors.ts";
import type { Command } from "./command.ts";
import { changeFlags, changeHelp, finishChange } from "./finish-change.ts";
import { diffJson, diffSummary, diffText, rulesInForce } from "./rule-changes.ts";
import { countOf, mostVersion, storeExitHelp, storeFlagsHelp, withStore } from "./store-line.ts";

const help = `Usage: understudy rules rollback [VERSION] --store URL [FLAGS]

Puts an earlier version of the applied rules in force again: the one before the
last change, unless a VERSION of understudy rules history is given. It becomes a
new version, so that it can be rolled back too.

${changeHelp}
${storeFlagsHelp}
${storeExitHelp("0, 1 some sidecar lags (--wait), 69 also where there is no such version")}
`;

export const rulesRollback: Command = {
  name: "rules rollback",
  summary: "Put an earlier version in force again",
  help,
  run(args, shell) {
    const operands = { what: "at most one version", least: 0, most: 1 };
    const spec = { command: "rules rollback", flags: changeFlags, operands } as const;
    return withStore(args, shell, spec, async (line, signal) => {
      const seen = await line.registry.state(signal);
      const inForce = seen.manifest?.value.version ?? 0;
      const version = countOf("rollback", line.operands[0], Math.max(0, inForce - 1), mostVersion);
      const rules = rulesOf(version, seen, await line.registry.past(signal));
      const diff = diffRules(rulesInForce(seen), rules);
      const written = await line.registry.put(rules, `rollback to ${version}`, seen, signal);
      if (!line.json) {
        shell.stdout.write(diffText(diff, shell));
        shell.stdout.write(
          `version ${written.version} is in force, as version ${version} was: ${diffSummary(diff)}\n`,
        );
      }
      const told = { applied: true, ...written, as: version, ...diffJson(diff) };
      return finishChange(line, shell, signal, written.index, told);
    });
  },
};

function rulesOf(
  version: number,
  { manifest, contents }: RegistryState,
  past: PastVersions,
): readonly DesiredRule[] {
  const newest = manifest?.value;
  const known = [
    ...past.manifests.filter((one) => one.version < (newest?.version ?? 0)),
    ...(newest ? [newest] : []),
  ];
  const found = known.find((one) => one.version === version);
  if (!found) {
    const versions = known.map((one) => one.version).join(", ");
    const has = versions === "" ? "nothing was applied yet" : `there are ${versions}`;
    throw new UnderstudyError("not_found", `version ${version}: no such version; ${has}`);
  }
  return found.rules.map((rule) => {
    const text = past.contents.get(referenceOf(rule)) ?? contents.get(referenceOf(rule))?.value;
    if (text !== undefined && digestOf(text) === rule.digest) return { name: rule.name, text };
    throw new UnderstudyError(
      "bad_rules",
      `version ${version}: the content of ${rule.name} is not in the store any more`,
    );
  });
}
