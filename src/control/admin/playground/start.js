// Starts GraphiQL in the page, for the rule that is chosen. Runs in a browser, behind the scripts of React and GraphiQL.

const { GraphiQL, React, ReactDOM } = globalThis;
const chooser = document.querySelector("#rule");
const said = document.querySelector("#said");

/** Whatever it asks, the answer says what it is: one result, or those of a subscription as server-sent events. */
function fetcherOf(rule) {
  const url = `/playground/graphql?rule=${encodeURIComponent(rule)}`;
  return async (params) => {
    const leaving = new AbortController();
    const reply = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream, application/json;q=0.9" },
      body: JSON.stringify(params),
      signal: leaving.signal,
    });
    const isStream = reply.headers.get("content-type")?.startsWith("text/event-stream");
    return isStream ? eventsOf(reply, leaving) : reply.json();
  };
}

/** Each result in its time. GraphiQL ends it where the user does. */
async function* eventsOf(reply, leaving) {
  try {
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
  // Fields of a request are not carried to the mock, so that none are asked for.
  const page = React.createElement(GraphiQL, { fetcher: fetcherOf(rule), isHeadersEditorEnabled: false });
  ReactDOM.createRoot(document.querySelector("#graphiql")).render(page);
}

start().catch((error) => {
  said.textContent = String(error);
});
