// What services of HTTP share: JSON on a port that PORT names, over TLS where TLS_CERTIFICATE and TLS_KEY name files, and an
// end on SIGTERM.

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";

/** Status and body of an answer. */
export type Answer = readonly [status: number, json: unknown];

/** `answer` gets "METHOD /path", the query and the JSON that was sent (null where none). */
export function serve(
  answer: (call: string, query: URLSearchParams, json: unknown) => Answer | Promise<Answer>,
  listening: () => void = () => undefined,
): void {
  const listener: RequestListener = async (request, response) => {
    const url = new URL(request.url ?? "/", "http://service");
    const [status, json] = await answer(
      `${request.method} ${url.pathname}`,
      url.searchParams,
      await read(request),
    );
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(json));
  };
  const { TLS_CERTIFICATE: cert, TLS_KEY: key } = process.env;
  const server =
    cert && key
      ? createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener)
      : createServer(listener);
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
