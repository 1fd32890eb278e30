// `understudy faults stop`, `resume`, `status`: whether any fault may happen, apart from every rule. One sidecar is told, and
// tells the mesh.

import { sleep, systemClock } from "../core/clock.ts";
import { printable } from "../core/printable.ts";
import { adminFlagsHelp, askAdmin, readAdminLine } from "./admin-line.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { type FaultsAnswer, readFaultsAnswer } from "./mesh-answer.ts";
import { authorOf } from "./store-line.ts";

const exitHelp = `Exit code: 0, 1 some live member of the mesh does not say yet that it has heard,
69 no sidecar answers, 64 the command line is not understood, 78 a value is
wrong.
`;

export const faultsStop: Command = word(
  "faults stop",
  "Stop every fault, everywhere, at once",
  true,
  `Stops every fault of the sidecar at --admin and of all others in its mesh,
whatever the rules say, and whether or not their store answers: no new one
begins, and what calls suffer at this moment ends. Mocks and patches go on. It
lasts until faults resume, also for sidecars that start later, as long as one
member of the mesh lives.`,
);

export const faultsResume: Command = word(
  "faults resume",
  "Let faults happen again",
  false,
  `Lets the faults of the rules happen again, after understudy faults stop.`,
);

const statusHelp = `Usage: understudy faults status [FLAGS]

Shows whether faults are stopped, and which rules could do harm.

${adminFlagsHelp}
Exit code: 0, 1 not every live member of the mesh says the same, 69 no sidecar
answers, 64 the command line is not understood, 78 a value is wrong.
`;

export const faultsStatus: Command = {
  name: "faults status",
  summary: "Show whether faults are stopped",
  help: statusHelp,
  async run(args, shell) {
    const line = readAdminLine(args, shell, "faults status");
    if (line.help) {
      shell.stdout.write(statusHelp);
      return exitCodes.ok;
    }
    const answer = readFaultsAnswer(await askAdmin(line.admin, "GET", "/faults"));
    return tell(answer, line.json, shell);
  },
};

/** For the other members to say that they have heard. */
const hearMs = 3_000;
const lookMs = 50;

function word(name: string, summary: string, halted: boolean, text: string): Command {
  const help = `Usage: understudy ${name} [FLAGS]\n\n${text}\n\n${adminFlagsHelp}\n${exitHelp}`;
  return {
    ...{ name, summary, help },
    async run(args, shell) {
      const line = readAdminLine(args, shell, name);
      if (line.help) {
        shell.stdout.write(help);
        return exitCodes.ok;
      }
      const path = `/faults/${halted ? "stop" : "resume"}?by=${encodeURIComponent(authorOf(shell))}`;
      let answer = readFaultsAnswer(await askAdmin(line.admin, "POST", path));
      const endsAt = systemClock.now() + hearMs;
      while (laggards(answer).length > 0 && systemClock.now() < endsAt) {
        await sleep(systemClock, lookMs, AbortSignal.timeout(hearMs));
        answer = readFaultsAnswer(await askAdmin(line.admin, "GET", "/faults"));
      }
      return tell(answer, line.json, shell);
    },
  };
}

function laggards({ halted, time, members }: FaultsAnswer): readonly string[] {
  return members.filter((member) => member.halted !== halted || member.time < time).map(({ name }) => name);
}

function tell(answer: FaultsAnswer, json: boolean, shell: Shell): number {
  const late = laggards(answer);
  if (json) shell.stdout.write(`${JSON.stringify({ ...answer, laggards: late }, null, 2)}\n`);
  else shell.stdout.write(textOf(answer, late));
  return late.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function textOf({ halted, by, faults, members }: FaultsAnswer, late: readonly string[]): string {
  const who = by === "" ? "" : ` by ${by}`;
  const state = halted ? `faults are stopped${who}` : "faults may happen";
  const rules =
    faults.length === 0 ? "no rule has any" : `rules with faults: ${faults.slice(0, 20).join(", ")}`;
  const all = members.length + 1;
  const mesh =
    members.length === 0
      ? ""
      : `${all - late.length} of ${all} sidecars say so${late.length === 0 ? "" : `, not yet: ${late.slice(0, 10).join(", ")}`}`;
  return [`${state}; ${rules}`, mesh].map((line) => (line === "" ? "" : `${printable(line)}\n`)).join("");
}
