// Who is taken for a client that distrusts our certificates, and for how long: the rule with time by hand, and real clients and
// probes on real sockets.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import type { Authority } from "../../../../src/core/certificates.ts";
import type { TapEvent } from "../../../../src/core/tap.ts";
import { departureText, receptionOf } from "../../../../src/proxy/lanes/tls/departure.ts";
import { createDistrust } from "../../../../src/proxy/lanes/tls/distrust.ts";
import { aroundTests } from "../../../support/around-tests.ts";
import { openSecureOrigin, type SecureOrigin, testAuthority } from "../../../support/https.ts";
import { type ManualClock, manualClock } from "../../../support/manual-clock.ts";
import { openRig, type Rig, readUntil } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { noPython } from "../../../support/strict-tls-server.ts";

const minute = 60_000;

// ── the rule ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test("distrust: an alert tells at once, a departure the second time", () => {
  const distrust = createDistrust(10, manualClock());
  assert.equal(distrust.learn("a", "refused"), 5 * minute);
  assert.equal(distrust.has("a"), true);
  assert.equal(distrust.learn("b", "left"), null);
  assert.equal(distrust.has("b"), false);
  assert.equal(distrust.learn("b", "left"), 5 * minute);
  assert.equal(distrust.has("b"), true);
  assert.equal(distrust.learn("b", "left"), null, "it is told once");
  assert.equal(distrust.learn("c", "unable"), 5 * minute);
});

test("distrust: departures more than ten minutes apart are none", async () => {
  const clock = manualClock();
  const distrust = createDistrust(10, clock);
  for (let round = 0; round < 5; round++) {
    assert.equal(distrust.learn("a", "left"), null);
    await clock.advance(10 * minute);
  }
  distrust.learn("a", "left");
  await clock.advance(10 * minute - 1);
  assert.equal(distrust.learn("a", "left"), 5 * minute);
});

test("distrust: who has spoken may leave as often as it likes, and distrusts us only by alert", () => {
  const distrust = createDistrust(10, manualClock());
  distrust.learn("a", "left");
  distrust.learn("a", "accepted");
  for (let round = 0; round < 10; round++) assert.equal(distrust.learn("a", "left"), null);
  assert.equal(distrust.has("a"), false);
  assert.equal(distrust.learn("a", "refused"), 5 * minute);
  assert.equal(distrust.has("a"), true);
});

test("distrust: is tried again after a time, which doubles up to a day", async () => {
  for (const reception of ["refused", "left"] as const) {
    const clock = manualClock();
    const distrust = createDistrust(10, clock);
    if (reception === "left") distrust.learn("a", reception);
    const lasted: (number | null)[] = [];
    for (let round = 0; round < 11; round++) {
      const lasts = distrust.learn("a", reception);
      lasted.push(lasts && lasts / minute);
      await clock.advance((lasts ?? 0) - 1);
      assert.equal(distrust.has("a"), true);
      await clock.advance(1);
      assert.equal(distrust.has("a"), false);
    }
    assert.deepEqual(lasted, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
    distrust.learn("a", "accepted");
    assert.equal(distrust.learn("a", "refused"), 5 * minute, "what was is forgotten");
  }
});

test("distrust: remembers so many and no more, the newest", () => {
  const distrust = createDistrust(3, manualClock());
  const keys = ["a", "b", "c", "d"];
  for (const key of keys) distrust.learn(key, "refused");
  assert.deepEqual(
    keys.map((key) => distrust.has(key)),
    [false, true, true, true],
  );
  for (const key of keys) distrust.learn(key, "accepted");
  for (const key of keys) distrust.learn(key, "left");
  assert.deepEqual(
    keys.map((key) => distrust.learn(key, "left")),
    [5 * minute, null, null, null],
    "that the first has spoken is forgotten",
  );
});

test("distrust: alerts about the certificate are told from other ends, in words", () => {
  const alert = (number: number, code: string) =>
    Object.assign(
      new Error(`40F3:error:0A000418:SSL routines:ssl3_read_bytes:x:../y.c:9:SSL alert number ${number}`),
      {
        code,
      },
    );
  const unknown = alert(48, "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
  assert.equal(receptionOf(unknown), "refused");
  for (const number of [42, 43, 44, 45, 46]) assert.equal(receptionOf(alert(number, "")), "refused");
  for (const number of [4, 40, 47, 49, 70, 80, 480]) assert.equal(receptionOf(alert(number, "")), "left");
  const coded = (code: string) => Object.assign(new Error("no"), { code });
  assert.equal(receptionOf(coded("ECONNRESET")), "left");
  assert.equal(receptionOf(coded("ERR_SSL_NO_SHARED_CIPHER")), "unable");
  assert.equal(receptionOf(coded("ERR_SSL_UNSUPPORTED_PROTOCOL")), "unable");
  assert.equal(departureText(unknown), "it sent the alert unknown ca");
  assert.equal(
    departureText(new Error("40E3:error:0A0000C1:SSL routines:tls_post:no shared cipher:../x.c:918:\n")),
    "no shared cipher",
  );
  assert.equal(departureText(new Error("socket hang up")), "socket hang up");
});

// ── clients and probes ─────────────────────────────────────────────────────────────────────────────────────────────────

let ours: Authority;
let theirs: Authority;
let origin: SecureOrigin;

aroundTests(
  async () => {
    [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
    origin = await openSecureOrigin(theirs, "shop.test", (_, response) => response.end("real"));
  },
  () => origin[Symbol.asyncDispose](),
);

async function withRig(work: (through: Rig, clock: ManualClock) => Promise<void>): Promise<void> {
  const clock = manualClock();
  await using through = await openRig({
    upstream: { host: "127.0.0.1", port: origin.port },
    rules: [
      { name: "pay", matches: [{ path: { op: "exact", value: "/pay" } }], respond: replyWith("mocked") },
    ],
    tls: { authority: ours, extraRoots: [theirs.trust] },
    clock,
  });
  await work(through, clock);
}

const ends = (through: Rig) =>
  through.events.filter((event) => event.kind === "opaque" && event.outcome === "failed");
const trouble = (event: TapEvent) => event.kind === "trouble" && event.area === "tls";
const toldOf = (through: Rig) =>
  through.events.filter(trouble).map((event) => (event.kind === "trouble" ? event.message : ""));

/** The answer to a call, from whoever shows the certificate of `authority`; or the error of a client that does not trust it. */
async function pay(through: Rig, authority: Authority, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({ ...through.address, servername: "shop.test", ca: authority.trust, ...options });
  const failed = once(socket, "error").then(([error]) => String(error.code));
  const opened = once(socket, "secureConnect").then(() => null);
  const code = await Promise.race([failed, opened]);
  if (code !== null) return code;
  failed.catch(() => undefined);
  socket.write("GET /pay HTTP/1.1\r\nHost: shop.test\r\n\r\n");
  const answer = await readUntil(socket, /\r\n\r\n[\s\S]+$/);
  socket.destroy();
  return answer.split("\r\n\r\n")[1] ?? "";
}

/** Looks whether there is TLS, and leaves; resolves when that has been noticed. */
async function probe(through: Rig, options: ConnectionOptions): Promise<void> {
  const before = ends(through).length;
  const socket = connect({
    ...through.address,
    servername: "shop.test",
    rejectUnauthorized: false,
    ...options,
  });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  socket.end();
  await through.event(() => ends(through).length > before);
}

test("distrust: a probe that leaves without a word harms nobody but itself", () =>
  withRig(async (through) => {
    // As another program would offer it.
    const other = { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256" };
    for (let round = 0; round < 2; round++) await probe(through, other);
    assert.match(
      toldOf(through).join("\n"),
      /^a client at 127\.0\.0\.1 leaves without a word at the sight [^\n]* 5 minutes/,
    );
    assert.equal(await pay(through, ours), "mocked");
    assert.equal(await pay(through, theirs, other), "real");
  }));

test("distrust: a client that has spoken once may probe", () =>
  withRig(async (through) => {
    assert.equal(await pay(through, ours), "mocked");
    for (let round = 0; round < 4; round++) await probe(through, {});
    assert.equal(await pay(through, ours), "mocked");
    assert.deepEqual(toldOf(through), []);
  }));

test("distrust: a client of Node, which leaves without an alert, is left alone from the third connection on, for a time", () =>
  withRig(async (through, clock) => {
    for (let round = 0; round < 2; round++) {
      assert.match(await pay(through, theirs), /^UNABLE_TO_VERIFY/);
      await through.event(() => ends(through).length > round);
    }
    assert.equal(await pay(through, theirs), "real");
    await clock.advance(5 * minute);
    assert.match(await pay(through, theirs), /^UNABLE_TO_VERIFY/);
    await through.event(() => ends(through).length > 2);
    await clock.advance(5 * minute);
    assert.equal(await pay(through, theirs), "real", "longer than the first time");
    await clock.advance(5 * minute);
    assert.equal(await pay(through, ours), "mocked", "it has learned to trust us");
    assert.equal(toldOf(through).length, 2);
  }));

test(
  "distrust: a client that says so by alert is left alone at once, and no other on its address",
  { skip: noPython },
  () =>
    withRig(async (through) => {
      const program =
        "import socket, ssl, sys\n" +
        "context = ssl.create_default_context(cadata=sys.argv[2])\n" +
        "try:\n" +
        "  with context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))), server_hostname='shop.test') as s:\n" +
        "    s.sendall(b'GET /pay HTTP/1.1\\r\\nHost: shop.test\\r\\nConnection: close\\r\\n\\r\\n')\n" +
        "    print(s.makefile().read().split('\\n')[-1])\n" +
        "except ssl.SSLError as error: print(error.reason)\n";
      const python = () =>
        new Promise<string>((resolve, reject) =>
          execFile("python3", ["-c", program, String(through.address.port), theirs.trust], (error, stdout) =>
            error ? reject(error) : resolve(stdout.trim()),
          ),
        );
      assert.equal(await python(), "CERTIFICATE_VERIFY_FAILED");
      await through.event(trouble);
      assert.match(
        toldOf(through).join(),
        /does not trust our certificate for shop\.test \(it sent the alert unknown ca\)/,
      );
      assert.equal(await python(), "real");
      assert.equal(await pay(through, ours), "mocked");
    }),
);

test("distrust: a client with which no handshake can come about is left alone at once", () =>
  withRig(async (through) => {
    const old: ConnectionOptions = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0" }; // for small devices
    assert.match(await pay(through, ours, old), /HANDSHAKE_FAILURE/);
    await through.event(trouble);
    assert.match(
      toldOf(through).join(),
      /too little of TLS in common with us .*\(no shared cipher\).*relayed unread for it$/,
    );
  }));
