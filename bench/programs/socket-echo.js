// The upstream of the WebSocket scenarios: accepts any handshake and sends each message back. It reads only what the
// generator sends, masked text frames of one size, so that it costs next to nothing. Arguments: port, payload bytes.
import { createHash } from "node:crypto";
import { createServer } from "node:net";

const [port, payloadBytes] = process.argv.slice(2).map(Number);
const frameBytes = 2 + 4 + payloadBytes;
const answer = Buffer.alloc(2 + payloadBytes, "x");
answer[0] = 0x81;
answer[1] = payloadBytes;
const answers = Buffer.concat(Array.from({ length: 64 }, () => answer));

createServer({ noDelay: true }, (socket) => {
  let head = "";
  let begun = 0; // bytes of a frame that has not come whole
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    let from = 0;
    if (head !== null) {
      head += chunk.latin1Slice();
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      from = chunk.length - (head.length - end - 4);
      const key = /sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      head = null;
    }
    begun += chunk.length - from;
    for (let whole = Math.floor(begun / frameBytes); whole > 0; whole -= 64)
      socket.write(answers.subarray(0, Math.min(whole, 64) * answer.length));
    begun %= frameBytes;
  });
}).listen(port, "127.0.0.1");
