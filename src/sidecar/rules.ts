// The rules of one sidecar: read from a file or a store, parsed, planned with what the stages offer, and kept. Loaded only
// where there are rules, and then in one piece: this is most of the memory of the program.

import type { FollowedStore } from "../control/rules/follow-store.ts";
import { inlineReader } from "../control/rules/reader/rule-reader.ts";
import { fileSource } from "../control/rules/sources/file.ts";
import { createRuleStore, type RuleStore } from "../control/rules/store.ts";
import { UnderstudyError } from "../core/errors.ts";
import { type Compile, noRules } from "../core/rule-set.ts";
import { formatProblem, type Problem } from "../core/rule-source.ts";
import { runInTurns } from "../core/turns.ts";
import { compileSteps } from "../proxy/match/compile.ts";
import { createPlanner } from "../proxy/perform/plan.ts";
import { loadDialects } from "./dialects.ts";
import type { Observed } from "./observed.ts";
import type { SidecarDeps, SidecarOptions } from "./options.ts";
import { destinationOf, type Upstreams } from "./upstreams.ts";

/** Where the rules come from. */
export interface OpenRules {
  /** null: no rules at all. */
  readonly store: RuleStore | null;
  readonly followed: FollowedStore | null;
}

/** Resolves with the first rules in force. Rejects with `bad_rules` or `store_unavailable` where that refuses the start. */
export async function openRules(
  options: SidecarOptions,
  deps: SidecarDeps,
  { tap, changes }: Observed,
  { dial, connectTcp }: Upstreams,
  signal: AbortSignal,
): Promise<OpenRules> {
  const { limits, deadlines } = options.settings;
  const { clock } = deps;
  const dialects = loadDialects({
    ...deps,
    tap,
    connectTcp,
    ...(options.tls ? { trust: options.tls } : {}),
    upstreams: { clock, tap, dial, destinationOf, deadlineMs: deadlines.ruleBodyMs },
  });
  const { maxRuleBodyBytes: maxBodyBytes } = limits;
  const plan = createPlanner({ ...deps, maxBodyBytes, hangMs: deadlines.hangMs, dialects });
  // The clients of stores are loaded only where there is a store.
  const follow = options.store ? (await import("../control/rules/follow-store.ts")).followStore : null;
  const followed =
    follow && options.store ? await follow(options.store, { ...deps, tap, moved: changes.tell }) : null;
  const reading = { clock: deps.clock, reader: options.ruleReader ?? inlineReader(deps.clock) };
  const files = options.rules === null ? [] : [fileSource(options.rules, reading)];
  const compile: Compile = (specs, revision, stop) =>
    runInTurns(compileSteps(specs, plan, revision, dialects), deps.clock, stop);
  const store = createRuleStore({
    sources: [...files, ...(followed ? [followed.source] : [])],
    compile,
    empty: noRules,
    tap: followed?.tap ?? tap,
    clock: deps.clock,
  });
  await store.start(signal);
  refuseStart(store.status().problems, options);
  followed?.announce(() => store.status().problems, signal);
  return { store, followed };
}

/** Throws where the options say so. */
function refuseStart(
  problems: readonly Problem[],
  { whenRulesAreBad, whenStoreIsAway = whenRulesAreBad }: SidecarOptions,
): void {
  const refuse = (code: "bad_rules" | "store_unavailable", found: readonly Problem[]) => {
    if (found.length > 0) throw new UnderstudyError(code, found.map(formatProblem).join("\n"));
  };
  const wrong = problems.filter(({ away }) => !away);
  if (whenRulesAreBad === "refuse") refuse("bad_rules", wrong);
  if (whenStoreIsAway === "refuse")
    refuse(
      "store_unavailable",
      problems.filter(({ away }) => away),
    );
}
