// Which of several servers is asked: the same one while it answers, the next one after it failed.

import type { HostPort } from "../../../core/address.ts";
import type { Random } from "../../../core/random.ts";

export class TurnsOfHosts {
  readonly #hosts: readonly HostPort[];
  #at: number;

  /** Begins anywhere, so that many sidecars do not all ask the first one. */
  constructor(hosts: readonly HostPort[], random: Random) {
    this.#hosts = hosts;
    this.#at = random.uint32() % hosts.length;
  }

  get count(): number {
    return this.#hosts.length;
  }

  /** Index of the host to ask. */
  get current(): number {
    return this.#at;
  }

  /** The host at `index` failed; does nothing where another one is asked by now. */
  failed(index: number): void {
    if (this.#at === index) this.#at = (index + 1) % this.#hosts.length;
  }
}
