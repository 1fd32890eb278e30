// Starts GraphiQL in the page, for the rule that is chosen. Runs in a browser, behind the scripts of React and GraphiQL.

const { GraphiQL, React, ReactDOM } = globalThis;
const chooser = document.querySelector("#rule");
const said = document.querySelector("#said");

/** One result of a query or mutation, or those of a subscription, which come as server-sent events. */
function fetcherOf(rule) {
  const url = `/playground/graphql?rule=${encodeURIComponent(rule)}`;
  const send = (params, accept, signal) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify(params),
      signal,
    });
  async function* events(params) {
    const leaving = new AbortController();
    try {
      const reply = await send(params, "text/event-stream", leaving.signal);
      if (!reply.headers.get("content-type")?.startsWith("text/event-stream"))
        return yield await reply.json();
      let text = "";
      for await (const chunk of reply.body.pipeThrough(new TextDecoderStream())) {
        const parts = (text + chunk).split("\n\n");
        text = parts.pop();
        for (const part of parts) {
          const data = /^data: (.*)$/m.exec(part)?.[1];
          if (part.startsWith("event: next") && data) yield JSON.parse(data);
        }
      }
    } finally {
      leaving.abort();
    }
  }
  return async (params, { documentAST } = {}) => {
    const operations = documentAST?.definitions.filter(({ kind }) => kind === "OperationDefinition") ?? [];
    const chosen = operations.find(({ name }) => name?.value === params.operationName) ?? operations[0];
    if (chosen?.operation === "subscription") return events(params);
    return (await send(params, "application/json")).json();
  };
}

async function start() {
  const { rules } = await (await fetch("/playground/rules")).json();
  if (rules.length === 0) {
    said.textContent = "No rule in force answers from a schema (respond.graphql.schema).";
    return;
  }
  const wanted = new URLSearchParams(location.search).get("rule");
  const rule = rules.includes(wanted) ? wanted : rules[0];
  chooser.append(...rules.map((name) => new Option(name, name, name === rule, name === rule)));
  chooser.addEventListener("change", () => {
    location.search = new URLSearchParams({ rule: chooser.value });
  });
  const page = React.createElement(GraphiQL, { fetcher: fetcherOf(rule), shouldPersistHeaders: false });
  ReactDOM.createRoot(document.querySelector("#graphiql")).render(page);
}

start().catch((error) => {
  said.textContent = String(error);
});
