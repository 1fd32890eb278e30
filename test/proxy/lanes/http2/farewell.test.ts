// An upstream that breaks HTTP/2 is told so, however much it still has to say, and is not waited for without end.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deadlined } from "../../../../src/core/deadlines.ts";
import type { Traffic } from "../../../../src/core/lane.ts";
import type { Link } from "../../../../src/core/link.ts";
import { Farewell } from "../../../../src/proxy/lanes/http2/farewell.ts";
import { errorCodes, frame, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { drainSocket, openRig, openServer } from "../../../support/rig.ts";
import { noFault } from "../../../support/rule-spec.ts";
import { hello, RawPeer, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const held = {
  name: "held",
  matches: [{ path: { op: "exact", value: "/rich" } as const }],
  fault: { ...noFault, delay: { type: "fixed", ms: 0 } as const },
};

for (const path of ["/pinned", "/rich"])
  test(`farewell: GOAWAY reaches an upstream that was in the middle of its speech (${path})`, async () => {
    let told: (bytes: Promise<{ bytes: Buffer; reset: boolean }>) => void = () => undefined;
    const heard = new Promise<{ bytes: Buffer; reset: boolean }>((resolve) => {
      told = resolve;
    });
    await using server = await openServer((socket) => {
      socket.once("data", () => {
        socket.pause();
        // The breach, and behind it more than any buffer between takes.
        const speech = [serverHello, responseFrame(1), frame(frameTypes.ping, 0, 1, Buffer.alloc(8))];
        socket.write(Buffer.concat([...speech, Buffer.alloc(3_000_000)]), () => {
          const all = drainSocket(socket);
          socket.resume();
          void all.then(() => socket.end());
          told(all);
        });
      });
    });
    await using rig = await openRig({ upstream: server.address, mode: "fixed", rules: [held] });
    const client = new RawPeer(await rig.connect());
    client.send(hello, requestFrame(1, path));
    const { bytes, reset } = await heard;
    assert.equal(reset, false, "FIN, not RST");
    const goAway = bytes.lastIndexOf(Buffer.from([frameTypes.goAway, 0, 0, 0, 0, 0]));
    assert.ok(goAway >= 0);
    assert.equal(bytes.readUInt32BE(goAway + 10), errorCodes.protocol);
    client.socket.destroy();
  });

function lingering() {
  const clock = manualClock();
  const waiting = new Set<Deadlined>();
  const seen: string[] = [];
  const note = (what: string) => () => void seen.push(what);
  const link: Link = {
    upstream: { host: "127.0.0.1", port: 9 },
    write: (bytes) => seen.push(`wrote ${bytes.length}`) > 0,
    holdsBytes: false,
    ...{ end: note("FIN"), pause: note("pause"), resume: note("resume"), released: note("released") },
    destroy: (reset) => void seen.push(reset ? "RST" : "closed"),
  };
  const deadlines = {
    add: (given: Deadlined) => void waiting.add(given),
    remove: (given: Deadlined) => void waiting.delete(given),
  };
  const traffic = { clock, deadlines } as unknown as Traffic; // it asks for nothing else
  const farewell = new Farewell(link, traffic, errorCodes.protocol, "why");
  return { farewell, seen, waiting };
}

test("farewell: it ends with the upstream's FIN", () => {
  const { farewell, seen, waiting } = lingering();
  assert.equal(waiting.size, 1);
  assert.equal(farewell.data(Buffer.alloc(1_000)), true);
  farewell.drain();
  farewell.released();
  farewell.end();
  assert.deepEqual(seen, ["wrote 20", "FIN", "resume", "released", "closed"]);
  assert.equal(waiting.size, 0);
});

test("farewell: it ends in time, and after so many bytes", () => {
  const late = lingering();
  assert.ok(late.farewell.deadlineAt <= 2_000);
  late.farewell.expire();
  const endless = lingering();
  for (let i = 0; i < 100 && endless.waiting.size > 0; i++) endless.farewell.data(Buffer.alloc(65_536));
  for (const { seen, waiting } of [late, endless]) {
    assert.deepEqual(seen.slice(3), ["RST"]);
    assert.equal(waiting.size, 0);
  }
  const gone = lingering();
  gone.farewell.close();
  assert.equal(gone.waiting.size, 0);
});
