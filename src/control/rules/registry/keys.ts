// Where rules lie in a store. Below the prefix, and again below the folder of each service and namespace:
//
//   NAME                            one rule, written by hand
//   .applied/manifest               which contents are in force, in order; swapped as one key by `rules apply`
//   .applied/rules/NAME@DIGEST      one rule each; in force only where the manifest names it
//   .applied/sweep                  written whenever contents are removed apart from a change of the manifest
//   .leased/ID                      all rules of one owner; the store removes it when the owner is gone
//   @service/SERVICE/…              for the sidecars of that service only
//   @namespace/NAMESPACE/…          for those of that namespace
//
// Earlier versions lie beside the prefix, where they neither wake sidecars nor are read by them:
//
//   manifests/00000012              a manifest that was in force
//   rules/NAME@DIGEST               the contents that these name
//   sweep                           written whenever some of that is removed

/** Whom rules are for. */
export type Audience =
  | { readonly kind: "everyone" }
  | { readonly kind: "service"; readonly name: string }
  | { readonly kind: "namespace"; readonly name: string };

export const everyone: Audience = { kind: "everyone" };

/** What a sidecar belongs to. */
export interface Belonging {
  readonly service: string | null;
  readonly namespace: string | null;
}

export type KeyMeaning =
  | { readonly kind: "written"; readonly name: string }
  | { readonly kind: "manifest" }
  /** `reference`: NAME@DIGEST. */
  | { readonly kind: "content"; readonly reference: string }
  | { readonly kind: "sweep" }
  | { readonly kind: "leased"; readonly id: string };

export interface PlacedKey {
  readonly audience: Audience;
  readonly meaning: KeyMeaning;
}

/** Letters, digits, `-`, `_` and `.`; no leading dot. Services, namespaces, and names of rules. */
export const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;

/** null: nobody's key; undefined: a key that should not be there. */
export function placeOf(prefix: string, key: string): PlacedKey | null | undefined {
  // Tools that think in folders leave such keys.
  if (key.endsWith("/")) return null;
  const rest = key.slice(prefix.length);
  const [, kind, name = "", below = ""] = /^@(service|namespace)\/([^/]+)\/(.+)$/.exec(rest) ?? [];
  if (kind === undefined) return meaningOf(rest, everyone);
  if (!namePattern.test(name)) return undefined;
  return meaningOf(below, { kind: kind === "service" ? "service" : "namespace", name });
}

function meaningOf(rest: string, audience: Audience): PlacedKey | undefined {
  if (namePattern.test(rest)) return { audience, meaning: { kind: "written", name: rest } };
  const [, part, name = ""] = /^\.(applied|applied\/rules|leased)\/([^/]+)$/.exec(rest) ?? [];
  switch (part) {
    case "applied":
      return name === "manifest" || name === "sweep" ? { audience, meaning: { kind: name } } : undefined;
    case "applied/rules":
      return { audience, meaning: { kind: "content", reference: name } };
    case "leased":
      return { audience, meaning: { kind: "leased", id: name } };
    default:
      return undefined;
  }
}

/** Ends in a slash. */
export function folderOf(prefix: string, audience: Audience): string {
  return audience.kind === "everyone" ? prefix : `${prefix}@${audience.kind}/${audience.name}/`;
}

export const manifestKey = (folder: string) => `${folder}.applied/manifest`;
export const sweepKey = (folder: string) => `${folder}.applied/sweep`;
export const contentKey = (folder: string, reference: string) => `${folder}.applied/rules/${reference}`;
/** These three: `folder` is that of the audience below `historyPrefix`. */
export const pastManifestKey = (folder: string, version: number) =>
  `${folder}manifests/${String(version).padStart(8, "0")}`;
export const pastContentKey = (folder: string, reference: string) => `${folder}rules/${reference}`;
export const pastSweepKey = (folder: string) => `${folder}sweep`;
export const leasedKey = (folder: string, id: string) => `${folder}.leased/${id}`;

/** Where sidecars say that they are there: beside the rules, since everything below the prefix wakes everybody. */
export function membersPrefix(prefix: string): string {
  return besides(prefix, "members");
}

/** Where earlier versions lie. */
export function historyPrefix(prefix: string): string {
  return besides(prefix, "history");
}

/** `understudy/members/` of `understudy/rules/`, `team-members/` of `team/`. */
function besides(prefix: string, name: string): string {
  return prefix.endsWith("rules/")
    ? `${prefix.slice(0, -"rules/".length)}${name}/`
    : `${prefix.slice(0, -1)}-${name}/`;
}

export function concerns(audience: Audience, { service, namespace }: Belonging): boolean {
  switch (audience.kind) {
    case "everyone":
      return true;
    case "service":
      return audience.name === service;
    case "namespace":
      return audience.name === namespace;
    default:
      return audience satisfies never;
  }
}

/** Whether some sidecar may see both. */
export function mayMeet(a: Audience, b: Audience): boolean {
  return a.kind !== b.kind || a.kind === "everyone" || (b.kind !== "everyone" && a.name === b.name);
}

export function formatAudience(audience: Audience): string {
  return audience.kind === "everyone" ? "everyone" : `${audience.kind} ${audience.name}`;
}
