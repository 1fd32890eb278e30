// What can be measured: a program that stands between the generator and the upstream, or answers by itself.

import type { Server } from "../processes.ts";

export interface PeerContext {
  /** Port of the upstream. */
  readonly upstreamPort: number;
  /** A fresh folder for this peer's files. */
  readonly folder: string;
  /** The program of ours as a package holds it; null when it could not be built. */
  readonly program: string | null;
}

export interface Peer {
  /** How goals and results name it. */
  readonly id: string;
  /** How the table names it. */
  readonly title: string;
  /** A program or package it needs and that is not here; null when it can run. */
  missing(): string | null;
  start(context: PeerContext): Promise<Server>;
}
