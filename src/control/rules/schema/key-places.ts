// Where in a rule each key may stand, read from the schema itself: for a key that is right, but in the wrong mapping.

import * as z from "zod";
import { nearest } from "../../../core/nearest.ts";
import { formatRulePath, type RulePath } from "../../../core/rule-problem.ts";

/** One mapping that takes the key. */
interface Place {
  /** Keys down to the mapping; `[]` stands for any item of a list. */
  readonly holder: readonly string[];
  readonly schema: z.core.$ZodType;
}

/** Deeper places are hardly what was meant. */
const maxDepth = 6;
/** Places that are named in a hint. */
const maxNamed = 3;
const anyItem = "[]";

export class KeyPlaces {
  readonly #places = new Map<string, Place[]>();

  constructor(rule: z.core.$ZodType) {
    this.#walk(rule, [], new Set());
  }

  /**
   * Where the key was probably meant to stand, for people: `scope.ttl`, `matches[0].host or respond.headers`; undefined where
   * no place comes into question, or a slip of the keyboard explains it better. `holder`: the path of the mapping in which
   * it was found. `sure`: a place takes this very key.
   */
  meant(
    key: string,
    holder: RulePath,
    value: unknown,
  ): { readonly text: string; readonly sure: boolean } | undefined {
    if (this.#isSlip(key, holder, value)) return undefined;
    const exact = this.#places.get(key) ?? [];
    const fitting = exact.filter((place) => takes(place, value));
    if (exact.length > 0) {
      const close = this.#near(fitting.length > 0 ? fitting : exact, holder);
      return { text: listed(close.map((place) => written(key, place, holder))), sure: true };
    }
    const alike = nearest(key, [...this.#places.keys()]) ?? "";
    const [place] = this.#near(this.#places.get(alike) ?? [], holder).filter(
      (one) => distance(one.holder, holder) <= 2 && takes(one, value),
    );
    return place && { text: written(alike, place, holder), sure: false };
  }

  /** A key of the same mapping is spelled almost so, and could hold this value. */
  #isSlip(key: string, holder: RulePath, value: unknown): boolean {
    const pattern = patternOf(holder).join();
    const besides = new Map(
      [...this.#places].flatMap(([name, places]) => {
        const here = places.find((place) => place.holder.join() === pattern);
        return here ? [[name, here.schema]] : [];
      }),
    );
    const schema = besides.get(nearest(key, [...besides.keys()]) ?? "");
    return schema !== undefined && takes({ schema }, value);
  }

  /** The nearest places, of equal distance. */
  #near(places: readonly Place[], holder: RulePath): readonly Place[] {
    const least = Math.min(...places.map((place) => distance(place.holder, holder)));
    return places.filter((place) => distance(place.holder, holder) === least).slice(0, maxNamed);
  }

  #walk(schema: z.core.$ZodType, path: readonly string[], above: ReadonlySet<unknown>): void {
    if (path.length > maxDepth || above.has(schema)) return;
    const within = new Set(above).add(schema);
    // The classic schemas are the only ones here, and these are all their kinds that hold others.
    const { def } = (schema as z.core.$ZodTypes)._zod;
    switch (def.type) {
      case "object":
        for (const [key, inner] of Object.entries(def.shape)) this.#field(key, inner, path, within);
        break;
      case "array":
        this.#walk(def.element, [...path, anyItem], within);
        break;
      case "union":
        for (const option of def.options) this.#walk(option, path, within);
        break;
      case "pipe":
        this.#walk(def.in, path, within);
        break;
      case "optional":
        this.#walk(def.innerType, path, within);
        break;
      case "lazy":
        this.#walk(def.getter(), path, within);
        break;
      default: // a mapping with free keys, or no mapping
    }
  }

  #field(
    key: string,
    schema: z.core.$ZodType,
    holder: readonly string[],
    within: ReadonlySet<unknown>,
  ): void {
    const { def } = (schema as z.core.$ZodTypes)._zod;
    if (def.type === "optional" && (def.innerType as z.core.$ZodTypes)._zod.def.type === "never") return;
    const known = this.#places.get(key) ?? [];
    const isTwin = known.some((place) => place.holder.join() === holder.join());
    if (!isTwin) this.#places.set(key, [...known, { holder, schema }]);
    this.#walk(schema, [...holder, key], within);
  }
}

function takes({ schema }: Pick<Place, "schema">, value: unknown): boolean {
  return z.safeParse(schema, value).success;
}

function patternOf(path: RulePath): readonly string[] {
  return path.map((step) => (typeof step === "number" ? anyItem : step));
}

function sharedSteps(place: readonly string[], found: readonly string[]): number {
  const differs = place.findIndex((step, index) => step !== found[index]);
  return differs === -1 ? place.length : differs;
}

/** Mappings to leave and to enter on the way from one to the other. */
function distance(place: readonly string[], holder: RulePath): number {
  const found = patternOf(holder);
  const shared = sharedSteps(place, found);
  const keys = (steps: readonly string[]) => steps.slice(shared).filter((step) => step !== anyItem).length;
  return keys(place) + keys(found);
}

/** With the index of an item that the key already stands in. */
function written(key: string, { holder: place }: Place, holder: RulePath): string {
  const shared = sharedSteps(place, patternOf(holder));
  if (place.length === 0) return `${key} of the rule itself`;
  const path = [...holder.slice(0, shared), ...place.slice(shared), key];
  return formatRulePath(path).replaceAll(`.${anyItem}`, anyItem);
}

function listed(places: readonly string[]): string {
  return [places.slice(0, -1).join(", "), places.at(-1)].filter(Boolean).join(" or ");
}
