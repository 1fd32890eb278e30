// What a peer allows the other by SETTINGS (RFC 9113 §6.5): what holds, and what has been said and may not have been heard.

import type { Dice } from "../dice.ts";

export interface Terms {
  readonly tableBytes: number;
  readonly windowBytes: number;
  readonly frameBytes: number;
  readonly streams: number;
}

export type Setting = readonly [id: number, value: number];

export const settingIds = { table: 1, streams: 3, window: 4, frame: 5 } as const;

export const defaultTerms: Terms = {
  tableBytes: 4_096,
  windowBytes: 65_535,
  frameBytes: 16_384,
  streams: Number.POSITIVE_INFINITY,
};

/** `terms`, and then what these settings say. */
export function amended(terms: Terms, settings: readonly Setting[]): Terms {
  const said = new Map(settings);
  return {
    tableBytes: said.get(settingIds.table) ?? terms.tableBytes,
    windowBytes: said.get(settingIds.window) ?? terms.windowBytes,
    frameBytes: said.get(settingIds.frame) ?? terms.frameBytes,
    streams: said.get(settingIds.streams) ?? terms.streams,
  };
}

/** The terms of one peer, which hold for the other from its ACK on. */
export class OwnTerms {
  latest = defaultTerms;
  #heard = defaultTerms;
  #onTheWay: Terms[] = [];

  say(settings: readonly Setting[]): void {
    this.latest = amended(this.latest, settings);
    this.#onTheWay.push(this.latest);
  }

  get unheard(): number {
    return this.#onTheWay.length;
  }

  /** The other side has said ACK: what it goes by from now on; null where there is nothing to acknowledge. */
  acknowledged(): Terms | null {
    const heard = this.#onTheWay.shift();
    if (!heard) return null;
    this.#heard = heard;
    return heard;
  }

  /** The most that the other side may be in its right to go by. */
  most(of: (terms: Terms) => number): number {
    return Math.max(of(this.#heard), ...this.#onTheWay.map(of));
  }
}

/** Some settings, perhaps none; `isServer`: with those that only a server says to any effect. */
export function someSettings(dice: Dice, isServer: boolean): Setting[] {
  const said: Setting[] = [];
  if (dice.chance(0.5)) said.push([settingIds.table, dice.pick([0, 64, 200, 4_096, 10_000, 100_000])]);
  if (isServer && dice.chance(0.3)) said.push([settingIds.streams, dice.pick([0, 1, 3, 10, 100])]);
  if (dice.chance(0.5)) said.push([settingIds.window, dice.pick([0, 10, 1_000, 65_535, 200_000])]);
  if (dice.chance(0.3)) said.push([settingIds.frame, dice.pick([16_384, 20_000, 40_000])]);
  return said;
}
