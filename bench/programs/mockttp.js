// Peer for mocks: mockttp with one rule. Arguments: port, body.
import { getLocal } from "mockttp";

const [port, text] = process.argv.slice(2);
const server = getLocal({ recordTraffic: false });
await server.forAnyRequest().thenReply(200, text, {
  "content-type": "application/json",
  "content-length": String(Buffer.byteLength(text)),
});
await server.start(Number(port));
