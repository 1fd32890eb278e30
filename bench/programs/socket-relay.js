// Peer: two `ws` sockets, each message of one sent on by the other, as its documentation shows a server and a client.
// Arguments: port, upstream port.
import { WebSocket, WebSocketServer } from "ws";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
new WebSocketServer({ port, host: "127.0.0.1" }).on("connection", (downstream, request) => {
  const upstream = new WebSocket(`ws://127.0.0.1:${upstreamPort}${request.url}`);
  const waiting = [];
  downstream.on("message", (data, binary) => {
    if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary });
    else waiting.push([data, binary]);
  });
  upstream.on("open", () => {
    for (const [data, binary] of waiting.splice(0)) upstream.send(data, { binary });
  });
  upstream.on("message", (data, binary) => downstream.send(data, { binary }));
  for (const [one, other] of [
    [downstream, upstream],
    [upstream, downstream],
  ]) {
    one.on("close", () => other.close());
    one.on("error", () => other.terminate());
  }
});
