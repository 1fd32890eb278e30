// `understudy rules ls`: every rule of a store, with where it comes from.

import { type Audience, formatAudience } from "../control/rules/registry/keys.ts";
import { audiencesIn, type RegistryState, registryState } from "../control/rules/registry/registry-state.ts";
import { type Command, exitCodes } from "./command.ts";
import { storeExitHelp, storeFlagsHelp, withStore } from "./store-line.ts";
import { textTable, timeText } from "./text-table.ts";

const help = `Usage: understudy rules ls --store URL [FLAGS]

Lists the rules of a store: those that were applied, those that were written by
hand as keys of their own, and those that belong to an owner who is alive.

${storeFlagsHelp}
${storeExitHelp("0")}
`;

interface Row {
  readonly name: string;
  readonly audience: string;
  readonly from: "applied" | "key" | "lease";
  readonly detail: string;
}

export const rulesLs: Command = {
  name: "rules ls",
  summary: "List the rules of a store",
  help,
  run(args, shell) {
    const operands = { what: "no operand", least: 0, most: 0 };
    return withStore(args, shell, { command: "rules ls", operands }, async (line, signal) => {
      const view = await line.store.read(line.prefix, signal);
      const wanted = (one: Audience) =>
        line.audience.kind === "everyone" || formatAudience(one) === formatAudience(line.audience);
      const rows = audiencesIn(view, line.prefix)
        .filter(wanted)
        .flatMap((audience) => rowsOf(registryState(view, line.prefix, audience)));
      if (line.json) shell.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      else if (rows.length === 0) shell.stdout.write("no rules\n");
      else shell.stdout.write(textTable(["NAME", "FOR", "FROM", "DETAIL"], rows.map(cellsOf)));
      return exitCodes.ok;
    });
  },
};

function rowsOf({ audience, folder, manifest, written, leased }: RegistryState): readonly Row[] {
  const who = formatAudience(audience);
  const applied = manifest?.value;
  const version = applied ? `version ${applied.version} by ${applied.author}, ${timeText(applied.atMs)}` : "";
  return [
    ...[...written.keys()].map((name) => ({
      name,
      audience: who,
      from: "key" as const,
      detail: `${folder}${name}`,
    })),
    ...(applied?.rules ?? []).map(({ name }) => ({
      name,
      audience: who,
      from: "applied" as const,
      detail: version,
    })),
    ...[...leased.values()].flatMap(({ rules, owner, atMs }) =>
      rules.map(({ name }) => ({
        name,
        audience: who,
        from: "lease" as const,
        detail: `while ${owner} is there, since ${timeText(atMs)}`,
      })),
    ),
  ];
}

function cellsOf({ name, audience, from, detail }: Row): readonly string[] {
  return [name, audience, from, detail];
}
