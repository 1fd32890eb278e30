// What one would write in Node: a proxy that carries each stream over to another on one upstream session.
import { connect, createServer } from "node:http2";

const [port, upstreamPort] = process.argv.slice(2);
const server = createServer();
server.on("session", (session) => {
  const upstream = connect(`http://127.0.0.1:${upstreamPort}`);
  upstream.on("error", () => session.destroy());
  session.on("error", () => undefined);
  session.on("close", () => upstream.close());
  session.on("stream", (stream, headers) => {
    const call = upstream.request(headers);
    call.on("response", (head) => {
      if (stream.destroyed) return;
      stream.respond(head);
      call.pipe(stream);
    });
    call.on("error", () => stream.close());
    stream.on("error", () => call.close());
    stream.pipe(call);
  });
});
server.listen(Number(port), "127.0.0.1");
