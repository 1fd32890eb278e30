// Scanners for connections, used again: making them costs more than anything else of a short connection's own.

import type { Limits } from "../../../core/settings.ts";
import { RequestScanner } from "./request-scanner.ts";
import { ResponseScanner } from "./response-scanner.ts";

/** What one connection scans its heads with. */
export interface Parsers {
  readonly request: RequestScanner;
  readonly response: ResponseScanner;
}

/** Kept for the next connections; further ones are left to the garbage collector. */
const maxIdle = 256;

export class ParserPool {
  readonly #limits: Limits;
  readonly #idle: Parsers[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  take(): Parsers {
    return (
      this.#idle.pop() ?? {
        request: new RequestScanner(this.#limits),
        response: new ResponseScanner(this.#limits),
      }
    );
  }

  /** Nobody may read from them any more. */
  give(parsers: Parsers): void {
    if (this.#idle.length >= maxIdle) return;
    parsers.request.reset();
    parsers.response.reset();
    this.#idle.push(parsers);
  }
}
