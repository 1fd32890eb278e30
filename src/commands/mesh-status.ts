// `understudy mesh status`: the members of the mesh, as one sidecar knows them.

import { printable } from "../core/printable.ts";
import { adminFlagsHelp, askAdmin, readAdminLine } from "./admin-line.ts";
import type { Shell } from "./command.ts";
import { type Command, exitCodes } from "./command.ts";
import { type MeshAnswer, type MeshAnswerMember, readMeshAnswer } from "./mesh-answer.ts";
import { textTable, timeText } from "./text-table.ts";

const help = `Usage: understudy mesh status [FLAGS]

Lists the members of the mesh as the sidecar at --admin knows them: its own
kind, and agents of other makes. Who has left or failed is listed for a day.

  STATE     serving, draining, failing (the service is ill, or the newest rules
            are refused)
  REVISION  of the rules in force: twelve digits, equal where the rules are
  FAULTS    rules that can do harm now, or stopped

Below them, rules with maxActive: how many of those calls this sidecar allows
itself, how many the others count on, and how many stay unused because members
that failed counted on them.

${adminFlagsHelp}
Exit code: 0 all well, 1 some member has failed, or is failing, 69 no sidecar
answers or it is in no mesh, 64 the command line is not understood, 78 a value
is wrong.
`;

export const meshStatus: Command = {
  name: "mesh status",
  summary: "List the members of the mesh",
  help,
  async run(args, shell) {
    const line = readAdminLine(args, shell, "mesh status");
    if (line.help) {
      shell.stdout.write(help);
      return exitCodes.ok;
    }
    const answer = await askAdmin(line.admin, "GET", "/mesh?faults");
    const mesh = readMeshAnswer(answer);
    if (line.json) shell.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    else tell(mesh, shell);
    const ill = ({ status, sidecar }: MeshAnswerMember) =>
      status === "failed" || (status === "alive" && sidecar?.state === "failing");
    return mesh.problem !== "" || mesh.members.some(ill) ? exitCodes.failed : exitCodes.ok;
  },
};

function tell(mesh: MeshAnswer, shell: Shell): void {
  const head = [
    "MEMBER",
    "ADDRESS",
    "STATUS",
    "STATE",
    "SERVICE",
    "ZONE",
    "VERSION",
    "REVISION",
    "APP",
    "FAULTS",
    "SINCE",
  ];
  shell.stdout.write(
    textTable(
      head,
      mesh.members.map((member) => rowOf(member, mesh.name)),
    ),
  );
  const budgets = mesh.budgets ?? [];
  if (budgets.length > 0) shell.stdout.write(`\n${textTable(budgetHead, budgets.map(budgetRow))}`);
  if (mesh.problem !== "") shell.stderr.write(`understudy: ${printable(mesh.problem)}\n`);
}

const budgetHead = ["RULE", "MAXACTIVE", "ACTIVE HERE", "SHARE HERE", "OTHERS", "WITHHELD"];

function budgetRow(budget: NonNullable<MeshAnswer["budgets"]>[number]): readonly string[] {
  const { rule, maxActive, active, share, others, withheld } = budget;
  return [rule, ...[maxActive, active, share, others, withheld].map(String)];
}

/** `3: slow, cut, …` */
function faultsText({ faults, faultNames }: NonNullable<MeshAnswerMember["sidecar"]>): string {
  const shown = faultNames.slice(0, 3);
  const rest = faults > shown.length ? ", …" : "";
  return shown.length === 0 ? String(faults) : `${faults}: ${shown.join(", ")}${rest}`;
}

function rowOf({ name, address, status, since, sidecar }: MeshAnswerMember, self: string): readonly string[] {
  const said =
    sidecar === null || status === "left" || status === "failed"
      ? ["-", sidecar?.service ?? "-", sidecar?.zone ?? "-", sidecar?.version || "-", "-", "-", "-"]
      : [
          sidecar.state,
          sidecar.service ?? "-",
          sidecar.zone ?? "-",
          sidecar.version || "-",
          sidecar.revision || "-",
          sidecar.app ?? "-",
          sidecar.stop.startsWith("h") ? "stopped" : faultsText(sidecar),
        ];
  const at = timeText(Date.parse(since));
  return [name === self ? `${name} *` : name, address, status, ...said, at];
}
