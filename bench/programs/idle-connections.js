// Opens connections, sends one request on each, reads the answer, prints how many stand, and holds them until it is
// ended. Arguments: port, how many.
import { connect } from "node:net";

const [port, wanted] = process.argv.slice(2).map(Number);
const atOnce = 100;
const sockets = [];
let failed = 0;

function open() {
  return new Promise((settle) => {
    const socket = connect(port, "127.0.0.1");
    const fail = () => {
      failed += 1;
      socket.destroy();
      settle();
    };
    socket.setTimeout(10_000, fail);
    socket.once("error", fail);
    socket.once("connect", () => socket.write("GET /small HTTP/1.1\r\nHost: shop.bench\r\n\r\n"));
    socket.once("data", () => {
      socket.setTimeout(0);
      socket.on("error", () => {});
      sockets.push(socket);
      settle();
    });
  });
}

while (sockets.length + failed < wanted) {
  await Promise.all(Array.from({ length: Math.min(atOnce, wanted - sockets.length - failed) }, open));
}
process.stdout.write(`${JSON.stringify({ open: sockets.length, failed })}\n`);
setInterval(() => {}, 60_000);
