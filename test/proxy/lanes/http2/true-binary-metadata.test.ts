// gRPC's C core offers in its SETTINGS to take metadata as bytes, which are no values of fields in HTTP (RFC 9113 §8.2.1).
// With us in between, neither end hears such an offer of the other: then metadata comes as base64.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openRig } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";

const offer = 0xfe03;
const other = 0xfe04;
const core = {
  settings: { customSettings: { [offer]: 1, [other]: 77 } },
  remoteCustomSettings: [offer, other],
};

/** As told by the SETTINGS that came first. */
async function heard(session: Http2Session): Promise<unknown> {
  const [settings] = await once(session, "remoteSettings");
  return settings.customSettings;
}

test("true binary metadata: its offer reaches neither end, other settings do", async () => {
  const server = createServer(core);
  const told = once(server, "session").then(([session]) => heard(session));
  server.on("stream", (stream: ServerHttp2Stream) => stream.respond({ ":status": 200 }, { endStream: true }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  // Some rule concerns the connection, and not this call.
  const matches = [{ path: { op: "exact", value: "/mocked" } }] as const;
  await using rig = await openRig({ upstream, rules: [{ matches, respond: replyWith("hi") }] });
  const client: ClientHttp2Session = connect(`http://127.0.0.1:${rig.address.port}`, core);
  try {
    const answered = heard(client);
    const stream = client.request({ ":path": "/relayed" });
    await once(stream, "response");
    assert.deepEqual(await told, { [offer]: 0, [other]: 77 });
    assert.deepEqual(await answered, { [offer]: 0, [other]: 77 });
  } finally {
    client.destroy();
    server.close();
  }
});
