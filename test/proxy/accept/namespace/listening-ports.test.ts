// Ports that the command listens on, out of the kernel's table.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  listeningPorts,
  watchListeningPorts,
} from "../../../../src/proxy/accept/namespace/listening-ports.ts";
import { redirectPort } from "../../../../src/proxy/accept/namespace/network.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue\n";
const row = (local: string, state: string) => `   0: ${local} 00000000:0000 ${state} 00000000:00000000\n`;
const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");

describe("listening ports", () => {
  test("are those in LISTEN, without ours and the ephemeral ones", () => {
    const table =
      head +
      row(`0100007F:${hex(3000)}`, "0A") +
      row(`0100007F:${hex(80)}`, "0A") +
      row(`0100007F:${hex(redirectPort)}`, "0A") +
      row(`0100007F:${hex(5000)}`, "01") +
      row(`0100007F:${hex(40_000)}`, "0A") +
      row(`00000000000000000000000000000000:${hex(3000)}`, "0A");
    assert.deepEqual(listeningPorts(table), [80, 3000]);
  });

  test("are told once each, until the namespace is gone or nobody wants to know", async () => {
    const proc = mkdtempSync(join(tmpdir(), "understudy-proc-"));
    mkdirSync(join(proc, "7", "net"), { recursive: true });
    const tables = (tcp: string) => writeFileSync(join(proc, "7", "net", "tcp"), head + tcp);
    const clock = manualClock();
    const stop = new AbortController();
    const told: number[] = [];
    let wake: () => void = () => undefined;
    /** Files are read between two looks, in real time: waits until the next look is due. */
    const look = async (ms: number) => {
      await clock.advance(ms);
      while (clock.pending() === 0 && !stop.signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          setImmediate(wake);
        });
      }
    };
    tables(row(`0100007F:${hex(3000)}`, "0A"));
    watchListeningPorts(7, { clock, signal: stop.signal, proc }, (port) => told.push(port));
    await look(100);
    await look(500);
    tables(row(`0100007F:${hex(3000)}`, "0A") + row(`0100007F:${hex(8080)}`, "0A"));
    await look(500);
    assert.deepEqual(told, [3000, 8080]);
    stop.abort();
    assert.equal(clock.pending(), 0);
    rmSync(proc, { recursive: true, force: true });
  });
});
