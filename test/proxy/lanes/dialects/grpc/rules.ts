// Rules of gRPC as users write them, in front of a real shop.

import { parseRules } from "../../../../../src/control/rules/parse.ts";
import type { RuleSpec } from "../../../../../src/core/rule.ts";
import { createGrpcDialect } from "../../../../../src/proxy/lanes/dialects/grpc/dialect.ts";
import {
  openShop,
  protoFolder,
  type ShopClient,
  type ShopServer,
  shopClient,
} from "../../../../support/grpc-shop.ts";
import { openRig, type Rig, type RigOptions } from "../../../../support/rig.ts";

/** The rules of a YAML list, with the shop's descriptors unless `descriptors` is null. */
export function rulesOf(yaml: string, descriptors: string | null = protoFolder): readonly RuleSpec[] {
  const head = descriptors === null ? "" : `descriptors: ${descriptors}\n`;
  const { rules, problems } = parseRules(`version: 1\n${head}rules:\n${yaml}`, "rules.yaml");
  if (problems.length > 0)
    throw new Error(problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return rules;
}

export interface Scene {
  readonly rig: Rig;
  readonly shop: ShopServer;
  readonly client: ShopClient;
}

/** A client that reaches the shop through us. */
export async function withShop(
  yaml: string,
  work: (scene: Scene) => Promise<void>,
  options: RigOptions & { descriptors?: string | null } = {},
): Promise<void> {
  await using shop = await openShop();
  await using rig = await openRig({
    upstream: shop.address,
    rules: rulesOf(yaml, options.descriptors),
    dialects: [createGrpcDialect()],
    ...options,
  });
  using client = shopClient(rig.address);
  await work({ rig, shop, client });
}
