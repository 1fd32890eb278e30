// What every source of rules promises, whatever it reads from: enrolled by a file that tells how its source is fed.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { RuleSnapshot, RuleSource } from "../../../../src/core/rule-source.ts";
import { eventually } from "../../../support/store-servers.ts";

/** One source on its own, with nothing in it yet. */
export interface Fed {
  readonly source: RuleSource;
  /** Makes exactly these the rules, each with a body of that text. */
  put(names: readonly string[], text?: string): Promise<void>;
  /** Makes the rules wrong. */
  spoil(): Promise<void>;
  /** Takes contact away, and resolves once that is noticed; the rules may be changed meanwhile where `putWhileLost`. */
  lose(): Promise<void>;
  /** Gives it back. */
  mend(): Promise<void>;
}

export function sourceSuite(
  kind: string,
  skip: string | false,
  feed: (context: TestContext) => Promise<Fed>,
): void {
  const enrol = (promise: string, run: (fed: Fed, heard: Heard) => Promise<void>) =>
    test(`${kind} source: ${promise}`, { skip, timeout: 60_000 }, async (context) => {
      const fed = await feed(context);
      const heard = new Heard();
      const stop = new AbortController();
      const following = heard.follow(fed.source, stop.signal);
      context.after(async () => {
        stop.abort();
        await following;
      });
      await run(fed, heard);
      stop.abort();
      await following;
    });

  enrol("the first snapshot comes by itself, and is whole", async ({ put }, heard) => {
    await put(["a", "b"]);
    await heard.names("a,b");
    assert.deepEqual(heard.last.problems, []);
    assert.notEqual(heard.last.revision, "");
  });

  enrol("a change is a new snapshot; equal content has the equal revision", async ({ put }, heard) => {
    await put(["a"], "one");
    await heard.names("a");
    const { revision } = heard.last;
    await put(["a"], "two");
    await eventually("another revision", () => heard.last.revision !== revision);
    await put(["a"], "one");
    await eventually("the first revision", () => heard.last.revision === revision);
    await put(["c", "b"]);
    await heard.names("b,c");
    await put([]);
    await heard.names("");
  });

  enrol("what is wrong is told, with no rules, and mending it is enough", async ({ put, spoil }, heard) => {
    await put(["a"]);
    await heard.names("a");
    await spoil();
    await eventually("a problem", () => heard.last.problems.length > 0);
    assert.deepEqual(heard.last.rules, []);
    await put(["a"]);
    await heard.names("a");
  });

  enrol("contact lost and found: no empty snapshot, and what follows is heard", async (fed, heard) => {
    await fed.put(["a"]);
    await heard.names("a");
    const before = heard.all.length;
    await fed.lose();
    const emptied = heard.all
      .slice(before)
      .filter(({ rules, problems }) => rules.length + problems.length === 0);
    assert.deepEqual(emptied, [], "rules that cannot be read are not rules that are gone");
    await fed.mend();
    await fed.put(["b"]);
    await heard.names("b");
  });

  enrol(
    "many changes in a row: none is seen after a later one, and the last stays",
    async ({ put }, heard) => {
      for (let round = 1; round <= 30; round++) await put(["a"], `round-${round}`);
      await eventually("the last round", () => heard.rounds().at(-1) === 30);
      const rounds = heard.rounds();
      assert.deepEqual(
        rounds,
        [...rounds].sort((a, b) => a - b),
      );
    },
  );
}

class Heard {
  readonly all: RuleSnapshot[] = [];

  get last(): RuleSnapshot {
    return this.all.at(-1) ?? { revision: "", rules: [], problems: [] };
  }

  async follow(source: RuleSource, signal: AbortSignal): Promise<void> {
    for await (const snapshot of source.watch(signal)) this.all.push(snapshot);
  }

  names(wanted: string): Promise<void> {
    const now = () => this.last.rules.map(({ name }) => name).sort();
    return eventually(`the rules ${wanted}`, () => this.all.length > 0 && now().join() === wanted);
  }

  /** N of the texts `round-N`, in the order in which they were heard. */
  rounds(): readonly number[] {
    return this.all.flatMap(({ rules }) =>
      rules.flatMap(({ respond }) => {
        const body = respond?.kind === "reply" ? respond.reply.body : null;
        return body?.kind === "text" && body.text.startsWith("round-") ? [Number(body.text.slice(6))] : [];
      }),
    );
  }
}
