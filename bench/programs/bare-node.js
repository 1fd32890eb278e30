// Peer for mocks: a bare node:http handler that sends fixed bytes. Arguments: port, body.
import http from "node:http";

const [port, text] = process.argv.slice(2);
const body = Buffer.from(text);
http
  .createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  })
  .listen(Number(port), "127.0.0.1");
