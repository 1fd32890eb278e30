// Peer: node:http in front, undici's Pool.stream behind. Arguments: port, upstream port.
import http from "node:http";
import { Pool } from "undici";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 64, pipelining: 1 });
const hopByHop = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

function endToEnd(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}

http
  .createServer((request, response) => {
    const { method, url: path } = request;
    const body = method === "GET" || method === "HEAD" ? null : request;
    pool
      .stream({ method, path, headers: endToEnd(request.headers), body }, ({ statusCode, headers }) => {
        response.writeHead(statusCode, endToEnd(headers));
        return response;
      })
      .catch(() => response.destroy());
  })
  .listen(port, "127.0.0.1");
