// The mesh's part of the composition root, beside sidecar.ts and loaded only where a sidecar gossips: what this sidecar tells
// the others, what it does with what they tell, and how all that looks on the admin port and in the metrics.
//
//   rules, faults, health of the service ──▶ tags ──▶ everybody
//   rules of the store ◀──▶ a member that has newer ones, while the store is away
//   stop of all faults ◀──▶ a broadcast (fast) and a tag (for whoever comes later)

import { lookup } from "node:dns/promises";
import type { FaultControl } from "./control/faults/fault-control.ts";
import { answerForRules, exchangeRules } from "./control/mesh/member/rule-exchange.ts";
import {
  type MeshReport,
  SidecarMember,
  type SidecarMemberOptions,
} from "./control/mesh/member/sidecar-member.ts";
import { type SidecarFacts, shortRevision, sidecarOfTags } from "./control/mesh/member/sidecar-tags.ts";
import type { MeshBroadcast } from "./control/mesh/mesh.ts";
import type { FollowedStore } from "./control/rules/follow-store.ts";
import type { RuleStore } from "./control/rules/store.ts";
import { formatHostPort } from "./core/address.ts";
import type { AppHealth } from "./core/app-health.ts";
import { type Clock, sleep } from "./core/clock.ts";
import { formatStop, parseStop } from "./core/fault-stop.ts";
import type { Random } from "./core/random.ts";
import type { Tap } from "./core/tap.ts";

/** How a sidecar takes part in the mesh. */
export interface MeshOptions extends SidecarMemberOptions {
  readonly service: string | null;
  readonly namespace: string | null;
  readonly zone: string | null;
}

export interface SidecarMeshDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly tap: Tap;
  readonly version: string;
  readonly store: RuleStore | null;
  readonly followed: FollowedStore | null;
  readonly faults: FaultControl;
  readonly isDraining: () => boolean;
  /** null: nobody asks. */
  readonly appHealth: () => AppHealth | null;
}

export interface SidecarMesh {
  readonly member: SidecarMember;
  /** Resolves when it is known whether others have stopped all faults, or that nobody answers. */
  readonly informed: Promise<void>;
  /** What we say of ourselves is no longer true. */
  changed(): void;
  report(): Promise<MeshReport>;
  /** For `/mesh`: the same as JSON has it. */
  describe(report: MeshReport): unknown;
  /** Whether the other live sidecars have stopped their faults, as last heard. */
  stops(): readonly { readonly name: string; readonly halted: boolean; readonly time: number }[];
}

const stopBroadcast = "understudy:stop";
/** For the first join, while faults wait. */
const informMs = 2_000;

/** The member listens when this resolves. Rejects with `bad_config` where it `mustWork`. */
export async function startSidecarMesh(
  options: MeshOptions,
  deps: SidecarMeshDeps,
  mustWork: boolean,
  signal: AbortSignal,
): Promise<SidecarMesh> {
  const { clock, random, tap, faults, followed } = deps;
  const encrypted = options.keys.length > 0;
  const member = new SidecarMember(options, {
    ...{ clock, random, tap },
    sources: { lookUp, inStore: followed === null ? null : (stop) => followed.gossiping(stop) },
    facts: () => factsOf(options, deps),
    onMember: (_member, facts) => faults.switch.hear(facts.stop),
    onBroadcast: (broadcast) => hearStop(broadcast, faults),
    // Without keys anybody could hand over rules, so nobody does.
    onQuestion: (question) =>
      followed !== null && encrypted ? answerForRules(question, () => followed.handOver()) : null,
    newId: () => random.uint32().toString(16),
  });
  faults.switch.onChange((stop, own) => {
    if (own) {
      const word = { word: formatStop(stop), by: stop.by };
      member.broadcast(stopBroadcast, Buffer.from(JSON.stringify(word)));
    }
    member.changed(true);
  });
  await member.start(mustWork);
  if (followed !== null && encrypted) {
    const { service, namespace } = options;
    const lacksBeyond = () => followed.lacksBeyond();
    const take = (handed: Uint8Array) => followed.takeOver(handed);
    void exchangeRules({ clock, random, member, service, namespace, lacksBeyond, take }, signal);
  }
  followed?.gossipsAt(() => (member.address === null ? null : formatHostPort(member.address)));
  const patience = sleep(clock, informMs, signal).catch(() => undefined);
  return {
    member,
    informed: Promise.race([member.tried, patience]),
    changed: () => member.changed(),
    report: () => member.report(),
    describe: reportOf,
    stops: () => stopsOf(member),
  };
}

function stopsOf({ members, name: self }: SidecarMember) {
  return members.flatMap(({ name, status, tags }) => {
    const stop = sidecarOfTags(tags)?.stop;
    if (name === self || status !== "alive" || stop === undefined) return [];
    return [{ name, halted: stop.halted, time: stop.time }];
  });
}

async function lookUp(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

function factsOf(options: MeshOptions, deps: SidecarMeshDeps): SidecarFacts {
  const { service, namespace, zone } = options;
  const status = deps.store?.status();
  const rulesRefused = (status?.problems.length ?? 0) > 0;
  const app = deps.appHealth();
  const failing = rulesRefused || app === "failing";
  return {
    ...{ service, namespace, zone, app, rulesRefused },
    version: deps.version,
    state: deps.isDraining() ? "draining" : failing ? "failing" : "serving",
    revision: shortRevision(status?.revision ?? ""),
    index: deps.followed?.inForce().index ?? null,
    faults: deps.faults.active.length,
    stop: deps.faults.switch.stop,
  };
}

/** Whoever has the key is believed; what makes no sense is passed over. */
function hearStop({ name, payload }: MeshBroadcast, faults: FaultControl): void {
  if (name !== stopBroadcast) return;
  let word: unknown;
  try {
    word = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return;
  }
  if (typeof word !== "object" || word === null || !("word" in word)) return;
  const by = "by" in word ? String(word.by) : "";
  const stop = parseStop(String(word.word), by);
  if (stop !== null) faults.switch.hear(stop);
}

function reportOf({ name, address, encrypted, problem, members, state }: MeshReport): unknown {
  return {
    ...{ name, address: address && formatHostPort(address), encrypted, problem },
    healthScore: state?.awareness ?? null,
    confirmed: state?.confirmed ?? false,
    counters: state && {
      ...state.counters,
      lostEvents: state.lostEvents,
      lostQuestions: state.lostQuestions,
    },
    members: members.map(({ member, sidecar }) => ({
      name: member.name,
      address: formatHostPort(member.address),
      status: member.status,
      since: new Date(member.sinceMs).toISOString(),
      sidecar: sidecar && { ...sidecar, stop: formatStop(sidecar.stop) },
      ...(sidecar === null ? { tags: Object.fromEntries(member.tags) } : {}),
    })),
  };
}
