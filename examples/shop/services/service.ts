// What the three services share: JSON over node:http on a port that PORT names, and an end on SIGTERM.

import { createServer, type IncomingMessage } from "node:http";

/** Status and body of an answer. */
export type Answer = readonly [status: number, json: unknown];

/** `answer` gets "METHOD /path", the query and the JSON that was sent (null where none). */
export function serve(
  answer: (call: string, query: URLSearchParams, json: unknown) => Answer | Promise<Answer>,
  listening: () => void = () => undefined,
): void {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://service");
    const [status, json] = await answer(
      `${request.method} ${url.pathname}`,
      url.searchParams,
      await read(request),
    );
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(json));
  });
  server.listen(Number(process.env.PORT), "127.0.0.1", listening);
  process.once("SIGTERM", () => {
    server.close();
    server.closeAllConnections();
  });
}

async function read(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? null : JSON.parse(text);
}
