// The mesh's part of the composition root, loaded only where a sidecar gossips: what this sidecar tells
// the others, what it does with what they tell, and how all that looks on the admin port and in the metrics.
//
//   rules, faults, health of the service ──▶ tags ──▶ everybody
//   rules of the store ◀──▶ a member that has newer ones, while the store is away
//   stop of all faults ◀──▶ a broadcast (fast) and a tag (for whoever comes later)

import { lookup } from "node:dns/promises";
import type { FaultControl } from "../control/faults/fault-control.ts";
import { answerForRules, exchangeRules, rulesFetch } from "../control/mesh/member/rule-exchange.ts";
import {
  type MeshReport,
  SidecarMember,
  type SidecarMemberOptions,
} from "../control/mesh/member/sidecar-member.ts";
import { type SidecarFacts, shortRevision, sidecarOfTags } from "../control/mesh/member/sidecar-tags.ts";
import type { MeshBroadcast } from "../control/mesh/mesh.ts";
import type { Question } from "../control/mesh/worker/channel.ts";
import type { FollowedStore } from "../control/rules/follow-store.ts";
import type { RuleStore } from "../control/rules/store.ts";
import { formatHostPort } from "../core/address.ts";
import type { AppHealth } from "../core/app-health.ts";
import { type Clock, sleep } from "../core/clock.ts";
import { formatStop, parseStop } from "../core/fault-stop.ts";
import type { Random } from "../core/random.ts";
import type { Tap } from "../core/tap.ts";

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

/** null: there is no answer. What it throws counts as none. */
export type MeshAnswerer = (question: Question) => Promise<Uint8Array | null> | Uint8Array | null;

export interface SidecarMesh {
  readonly member: SidecarMember;
  /** Who answers questions of that name, by query or by fetch; one each. */
  answer(name: string, answerer: MeshAnswerer): void;
  /** Resolves when it is known whether others have stopped all faults, or that nobody answers. */
  readonly informed: Promise<void>;
  /** What we say of ourselves is no longer true. */
  changed(): void;
  report(): Promise<MeshReport>;
  /** For `/mesh`: the same as JSON has it; with the names of faults, for which each member has to be asked. */
  describe(report: MeshReport, withFaultNames: boolean): Promise<unknown>;
  /** Whether the other live sidecars have stopped their faults, as last heard. */
  stops(): readonly { readonly name: string; readonly halted: boolean; readonly time: number }[];
}

const stopBroadcast = "understudy:stop";
/** What is too large for tags is asked for when somebody wants to see it, so that a mesh at rest carries none of it. */
const figuresQuery = "understudy:figures";
const figuresMs = 400;
const maxFigureBytes = 800;
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
  const answerers = new Map<string, MeshAnswerer>([[figuresQuery, () => figuresOf(faults)]]);
  // Without keys anybody could hand over rules, so nobody does.
  const encrypted = options.keys.length > 0;
  if (followed !== null && encrypted)
    answerers.set(rulesFetch, (question) => answerForRules(question, () => followed.handOver()));
  const member = new SidecarMember(options, {
    ...{ clock, random, tap },
    sources: { lookUp, inStore: followed === null ? null : (stop) => followed.gossiping(stop) },
    facts: () => factsOf(options, deps),
    onMember: (_member, facts) => faults.switch.hear(facts.stop),
    onBroadcast: (broadcast) => hearStop(broadcast, faults),
    onQuestion: (question) => answerers.get(question.name)?.(question) ?? null,
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
    answer: (name, answerer) => void answerers.set(name, answerer),
    informed: Promise.race([member.tried, patience]),
    changed: () => member.changed(),
    report: () => member.report(),
    async describe(report, withFaultNames) {
      return describe(report, withFaultNames ? await askFigures(member) : new Map());
    },
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

/** The names of the rules that could do harm now, as many as one datagram holds. */
function figuresOf(faults: FaultControl): Uint8Array {
  const names: string[] = [];
  let bytes = 0;
  for (const name of faults.active) {
    bytes += Buffer.byteLength(JSON.stringify(name)) + 1;
    if (bytes > maxFigureBytes) break;
    names.push(name);
  }
  return Buffer.from(JSON.stringify({ faults: names }));
}

/** By member; who does not answer within the time, or not sensibly, is left out. Never rejects. */
async function askFigures(member: SidecarMember): Promise<ReadonlyMap<string, readonly string[]>> {
  const query = { name: figuresQuery, payload: new Uint8Array(0), timeoutMs: figuresMs };
  const answers = await member.request("query", query).catch(() => []);
  return new Map(
    answers.flatMap(({ from, payload }) => {
      const names = readFigures(payload);
      return names === null ? [] : [[from, names] as const];
    }),
  );
}

function readFigures(payload: Uint8Array): readonly string[] | null {
  try {
    const figures: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    if (typeof figures !== "object" || figures === null || !("faults" in figures)) return null;
    const { faults } = figures;
    return Array.isArray(faults) && faults.every((name) => typeof name === "string") ? faults : null;
  } catch {
    return null;
  }
}

function describe(
  { name, address, encrypted, problem, members, state }: MeshReport,
  figures: ReadonlyMap<string, readonly string[]>,
): unknown {
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
      sidecar: sidecar && {
        ...sidecar,
        stop: formatStop(sidecar.stop),
        faultNames: figures.get(member.name) ?? [],
      },
      ...(sidecar === null ? { tags: Object.fromEntries(member.tags) } : {}),
    })),
  };
}
