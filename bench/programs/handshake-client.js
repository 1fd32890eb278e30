// Makes connection after connection, each with a full TLS handshake (no session is kept) and one request, for a given
// time, and prints how many were answered. Arguments: port, path, connections at once, seconds.
import { connect, createSecureContext } from "node:tls";

const [portText, path, connections, seconds] = process.argv.slice(2);
const endsAt = performance.now() + Number(seconds) * 1000;
const request = `GET ${path} HTTP/1.1\r\nHost: shop.bench\r\nConnection: close\r\n\r\n`;
// Made once: reading the system's authorities for each connection would measure that.
const secureContext = createSecureContext();
let requests = 0;
let errors = 0;
let open = Number(connections);

function call() {
  let answered = false;
  const options = { port: Number(portText), host: "127.0.0.1", servername: "localhost" };
  const socket = connect({ ...options, secureContext, rejectUnauthorized: false }, () =>
    socket.write(request),
  );
  socket.on("data", (chunk) => {
    answered ||= chunk.latin1Slice(0, 12) === "HTTP/1.1 200";
  });
  socket.once("error", () => undefined); // counted at the end
  socket.once("close", () => {
    if (answered) requests += 1;
    else errors += 1;
    if (performance.now() < endsAt) return call();
    open -= 1;
    if (open === 0) process.stdout.write(`${JSON.stringify({ requests, errors })}\n`);
  });
}

for (let index = Number(connections); index > 0; index--) call();
