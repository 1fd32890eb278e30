// The members as the proxy's thread knows them: what the events of the mesh told, corrected by a look at all of them whenever
// one is made, since events may get lost while this thread stands still.

import type { HostPort } from "../../../core/address.ts";
import type { MeshEvent, MeshMember } from "../mesh.ts";

export class RosterCopy {
  #members = new Map<string, MeshMember>();

  replace(members: readonly MeshMember[]): void {
    this.#members = new Map(members.map((member) => [member.name, member]));
  }

  apply(event: MeshEvent): void {
    if (!("member" in event) || typeof event.member === "string") return;
    if (event.kind === "reap") this.#members.delete(event.member.name);
    else this.#members.set(event.member.name, event.member);
  }

  /** In the order of their names. */
  all(): readonly MeshMember[] {
    return [...this.#members.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Where the others live that are alive. */
  company(self: string): readonly HostPort[] {
    const others: HostPort[] = [];
    for (const { name, status, address } of this.#members.values())
      if (name !== self && status === "alive") others.push(address);
    return others;
  }
}
