// A command in a namespace that is told of a proxy: its HTTPS calls go through a tunnel to that proxy, and rules see no more
// of them than the CONNECT. Silence about that would look like mocks that do not work.

type Environment = Readonly<Record<string, string | undefined>>;

/** In the order in which programs prefer them. */
const variables = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/** What is to be told to whoever runs a command with that environment; null: nothing. */
export function unseenBehindProxy(env: Environment): string | null {
  const set = variables.filter((name) => env[name]);
  if (set.length === 0) return null;
  const [verb, them] = set.length === 1 ? ["is", "it"] : ["are", "them"];
  const without = set.map((name) => `-u ${name}`).join(" ");
  return (
    `${set.join(" and ")} ${verb} set: HTTPS calls of programs that heed ${them} go through a tunnel to that proxy, and rules do not ` +
    `see into it; without ${them} rules see each call: env ${without} understudy run …`
  );
}
