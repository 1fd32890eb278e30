// Peer: http-proxy with a keep-alive agent, as its README shows it. Arguments: port, upstream port.
import http from "node:http";
import httpProxy from "http-proxy";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${upstreamPort}`, agent });
proxy.on("error", (_error, _request, response) => response.destroy());
http.createServer((request, response) => proxy.web(request, response)).listen(port, "127.0.0.1");
