// What a sidecar says of its mesh on the admin port, read with care: the other side may be of another version.

import * as z from "zod";
import { UnderstudyError } from "../core/errors.ts";

const sidecar = z.object({
  version: z.string(),
  service: z.string().nullable(),
  namespace: z.string().nullable(),
  zone: z.string().nullable(),
  state: z.string(),
  app: z.string().nullable(),
  revision: z.string(),
  index: z.number().nullable(),
  rulesRefused: z.boolean(),
  faults: z.number(),
  /** Of those rules, as many as were told. */
  faultNames: z.array(z.string()),
  stop: z.string(),
});

const member = z.object({
  name: z.string(),
  address: z.string(),
  status: z.enum(["alive", "leaving", "left", "failed"]),
  since: z.string(),
  /** null: it is of another make. */
  sidecar: sidecar.nullable(),
});

const budget = z.object({
  rule: z.string(),
  maxActive: z.number(),
  active: z.number(),
  share: z.number(),
  others: z.number(),
  withheld: z.number(),
});

const mesh = z.object({
  name: z.string(),
  address: z.string().nullable(),
  encrypted: z.boolean(),
  problem: z.string(),
  healthScore: z.number().nullable(),
  members: z.array(member),
  /** Left out by sidecars of earlier versions. */
  budgets: z.array(budget).optional(),
});

export type MeshAnswer = Readonly<z.infer<typeof mesh>>;
export type MeshAnswerMember = MeshAnswer["members"][number];

const faults = z.object({
  halted: z.boolean(),
  time: z.number(),
  by: z.string(),
  faults: z.array(z.string()),
  members: z.array(z.object({ name: z.string(), halted: z.boolean(), time: z.number() })),
});

export type FaultsAnswer = Readonly<z.infer<typeof faults>>;

/** Throws `not_found` for anything else. */
export function readMeshAnswer(answer: unknown): MeshAnswer {
  return checked(mesh.safeParse(answer).data);
}

/** Throws `not_found` for anything else. */
export function readFaultsAnswer(answer: unknown): FaultsAnswer {
  return checked(faults.safeParse(answer).data);
}

function checked<T>(answer: T | undefined): T {
  if (answer !== undefined) return answer;
  throw new UnderstudyError("not_found", "--admin: expected a sidecar of this version, got another answer");
}
