// Opens WebSockets, keeps so many messages outstanding on each, and prints how many came back.
// Arguments: port, path, host, connections, outstanding, payload bytes, seconds.
import { randomBytes } from "node:crypto";
import { connect } from "node:net";

const [portText, path, host, ...numbers] = process.argv.slice(2);
const [connections, outstanding, payloadBytes, seconds] = numbers.map(Number);
const echoBytes = 2 + payloadBytes;
const frame = Buffer.alloc(6 + payloadBytes);
frame[0] = 0x81;
frame[1] = 0x80 | payloadBytes;
const key = randomBytes(4);
key.copy(frame, 2);
for (let i = 0; i < payloadBytes; i++) frame[6 + i] = 0x78 ^ key[i % 4];
const frames = Buffer.concat(Array.from({ length: outstanding }, () => frame));
const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;

const endsAt = performance.now() + seconds * 1000;
let messages = 0;
let errors = 0;
let open = connections;

function converse() {
  let upgraded = false;
  let bytes = 0;
  const socket = connect({
    port: Number(portText),
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(65_536),
      callback(count, chunk) {
        if (!upgraded) {
          upgraded = chunk.latin1Slice(0, 12) === "HTTP/1.1 101";
          if (!upgraded) {
            errors += 1;
            socket.destroy();
            return false;
          }
          socket.write(frames);
          return true;
        }
        bytes += count;
        const whole = Math.floor(bytes / echoBytes);
        bytes %= echoBytes;
        messages += whole;
        if (performance.now() > endsAt) socket.destroy();
        else if (whole > 0) socket.write(frames.subarray(0, whole * frame.length));
        return true;
      },
    },
  });
  socket.once("connect", () => socket.write(request));
  socket.once("error", () => {
    errors += 1;
  });
  socket.once("close", () => {
    if (performance.now() < endsAt) errors += 1;
    open -= 1;
    if (open === 0) process.stdout.write(`${JSON.stringify({ messages, errors })}\n`);
  });
}

for (let index = connections; index > 0; index--) converse();
