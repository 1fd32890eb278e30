// One of the three services, by argv: what it answers, and whom it asks for the rest. It knows nothing of Understudy.
//
//   node service.ts NAME PORT JSON [URL…]

import { createServer } from "node:http";

const [, , name = "", port = "", json = "{}", ...others] = process.argv;

const server = createServer(async (_request, response) => {
  const parts = await Promise.all(others.map(part));
  const failed = parts.find(({ status }) => status !== 200);
  response.writeHead(failed?.status ?? 200, { "content-type": "application/json" });
  response.end(
    JSON.stringify(Object.assign(JSON.parse(json), { from: name }, ...parts.map(({ own }) => own))),
  );
});
server.listen(Number(port), "127.0.0.1");
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});

async function part(url: string): Promise<{ readonly status: number; readonly own: object }> {
  const response = await fetch(url).catch(() => null);
  if (response === null) return { status: 502, own: { failed: url } };
  const { status } = response;
  const text = await response.text();
  if (status !== 200) return { status, own: { failed: text } };
  const { from, ...own } = JSON.parse(text);
  return { status, own };
}
