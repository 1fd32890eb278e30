// Whoever dies, and however: no process and no namespace stays behind.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  descendantsOf,
  eventually,
  isAlive,
  networkOf,
  noNamespaces,
  processesInNetwork,
  type Running,
  startUnderstudy,
  understudy,
  users,
} from "../support/understudy-process.ts";

// A child in a session of its own, which no signal to a group or a terminal reaches, and which ignores the polite ones.
const script = `
trap '' HUP TERM INT
setsid sh -c 'trap "" HUP TERM INT; sleep 600' &
echo ready
sleep 600
`;

interface Scene {
  readonly running: Running;
  /** From the outermost inwards: unshare, shell, helper, command, … */
  readonly below: readonly number[];
  readonly network: string;
}

async function start(user: (typeof users)[number]): Promise<Scene> {
  const running = startUnderstudy(["run", "--", "sh", "-c", script], { user });
  await running.seen("stdout", "ready");
  const below = descendantsOf(running.pid);
  const network = networkOf(below[0] ?? 0);
  assert.notEqual(network, "");
  assert.notEqual(network, networkOf("self"));
  return { running, below, network };
}

async function assertNothingLeft({ running, below, network }: Scene): Promise<void> {
  const now = ticksSinceBoot();
  await eventually("all processes are gone", () => ![running.pid, ...below].some(isAlive));
  // The kernel may give the number to a namespace that another test makes meanwhile: what began later is not ours.
  const left = processesInNetwork(network).filter((pid) => startTicks(pid) <= now);
  assert.deepEqual(left, []);
}

/** In hundredths of a second, as /proc counts the start of processes (proc_pid_stat(5), field 22). */
function ticksSinceBoot(): number {
  return Math.round(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 100);
}

/** Infinity for a process that has ended. */
function startTicks(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

describe("run: leaves nothing behind", { skip: noNamespaces }, () => {
  for (const user of users) {
    const { skip } = user;

    test(`when the command ends before its children, as ${user.name}`, { skip }, async () => {
      const { code, stdout } = await understudy(["run", "--", "sh", "-c", "setsid sleep 599 & echo $!"], {
        user,
      });
      assert.equal(code, 0);
      assert.match(stdout, /^\d+\n$/);
      // The pipe of stdout has closed, which the child held too: so it is gone.
    });

    test(`after kill -9 of understudy, as ${user.name}`, { skip }, async () => {
      const scene = await start(user);
      scene.running.process.kill("SIGKILL");
      await assertNothingLeft(scene);
    });

    for (const [at, victim] of ["unshare", "the first shell", "the helper"].entries()) {
      test(`after kill -9 of ${victim}, which is told, as ${user.name}`, { skip }, async () => {
        const scene = await start(user);
        process.kill(scene.below[at] ?? 0, "SIGKILL");
        const { code, stderr } = await scene.running.finished;
        assert.equal(code, 69, stderr);
        assert.match(stderr, /the namespace ended before the command did/);
        await assertNothingLeft(scene);
      });
    }
  }
});
