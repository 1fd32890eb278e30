// Downloads one path over and over on a few connections into one reused buffer, for a given time, and prints how
// many bytes came. wrk reads 8 KB at a time, which would measure wrk. Arguments: port, path, connections, seconds.
import { connect } from "node:net";

const [portText, path, connections, seconds] = process.argv.slice(2);
const port = Number(portText);
const request = `GET ${path} HTTP/1.1\r\nHost: shop.bench\r\n\r\n`;
const buffer = Buffer.allocUnsafe(256 * 1024);
const endsAt = performance.now() + Number(seconds) * 1000;
let bytes = 0;
let requests = 0;
let errors = 0;
let open = Number(connections);

function download() {
  let left = -1; // bytes of the body still to come; -1 before a head
  const socket = connect({
    port,
    host: "127.0.0.1",
    onread: {
      buffer,
      callback(count, chunk) {
        bytes += count;
        let start = 0;
        if (left < 0) {
          // The head of these answers always comes in one piece: it is the first write of the server.
          const head = chunk.latin1Slice(0, Math.min(count, 2048));
          start = head.indexOf("\r\n\r\n") + 4;
          left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
          if (start < 4 || Number.isNaN(left)) {
            errors += 1;
            socket.destroy();
            return false;
          }
        }
        left -= count - start;
        if (left <= 0) {
          requests += 1;
          left = -1;
          socket.write(request);
        }
        if (performance.now() > endsAt) socket.destroy();
        return true;
      },
    },
  });
  socket.once("connect", () => socket.write(request));
  socket.once("error", () => {
    errors += 1;
  });
  socket.once("close", () => {
    open -= 1;
    if (open === 0) process.stdout.write(`${JSON.stringify({ bytes, requests, errors })}\n`);
  });
}

for (let index = Number(connections); index > 0; index--) download();
