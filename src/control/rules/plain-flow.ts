// One line of the YAML that the fast road knows: scalars, and flow collections that end on their line.

/** Thrown for what the fast road does not know; made once, since where it was thrown is of no interest. */
export const unknown = new Error("more than plain YAML");

/** Whether it is that. */
export function isUnknown(thrown: unknown): boolean {
  return thrown === unknown;
}

const doubleQuoted = /"((?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"/y;
const singleQuoted = /'((?:[^']|'')*)'/y;
const onlyComment = /^(?: +(?:#.*)?)?$/;
/** What a plain scalar may begin with here (YAML 1.2 §7.3.3 allows a little more). */
const plainStart = /^(?:[A-Za-z0-9_/$.+(<=;^~\\]|-[A-Za-z0-9.])/;
const canonicalInteger = /^(?:0|-?[1-9][0-9]{0,14})$/;
/** A word of these could be a number in one of its spellings. */
const numberLike = /^(?:[-+.0-9][-+.0-9a-fxo]*|[-+]?\.(?:inf|nan))$/i;

/** A scalar with whatever comment follows. Throws `unknown`. */
export function plainScalar(text: string): unknown {
  if (text[0] === '"' || text[0] === "'") {
    const { value, end } = quotedAt(text, 0);
    if (!onlyComment.test(text.slice(end))) throw unknown;
    return value;
  }
  const comment = text.indexOf(" #");
  return bareValue(comment === -1 ? text : text.slice(0, comment).trimEnd());
}

function quotedAt(text: string, at: number): { readonly value: string; readonly end: number } {
  const quoted = text[at] === '"' ? doubleQuoted : singleQuoted;
  quoted.lastIndex = at;
  const found = quoted.exec(text);
  if (found === null) throw unknown;
  const [whole, inner = ""] = found;
  const end = at + whole.length;
  if (text[at] === "'") return { value: inner.replaceAll("''", "'"), end };
  return { value: inner.includes("\\") ? String(JSON.parse(whole)) : inner, end };
}

/** The core schema of YAML 1.2 (§10.3.2). */
function bareValue(text: string): unknown {
  if (!plainStart.test(text) || text.includes(": ") || text.endsWith(":")) throw unknown;
  switch (text) {
    case "~":
    case "null":
    case "Null":
    case "NULL":
      return null;
    case "true":
    case "True":
    case "TRUE":
      return true;
    case "false":
    case "False":
    case "FALSE":
      return false;
    default:
      return numberLike.test(text) ? numberOf(text) : text;
  }
}

function numberOf(text: string): number {
  if (canonicalInteger.test(text)) return Number(text);
  const number = Number(text);
  if (!/^-?[0-9]+\.[0-9]+$/.test(text) || String(number) !== text) throw unknown;
  return number;
}

const key = /(?:"([^"\\]*)"|'([^']*)'|([A-Za-z_$][\w$./-]*)): +/y;
const bare = /[^,[\]{}]+/y;
const maxDepth = 50;

/** `{a: 1, b: [c, "d"]}` from the first character of a line's value to its end. */
export class PlainFlow {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Throws `unknown`. */
  read(): unknown {
    const value = this.#value(0);
    if (!onlyComment.test(this.#text.slice(this.#at))) throw unknown;
    return value;
  }

  #value(depth: number): unknown {
    if (depth > maxDepth) throw unknown;
    const first = this.#text[this.#at];
    if (first === "{") return this.#mapping(depth);
    if (first === "[") return this.#list(depth);
    if (first === '"' || first === "'") {
      const { value, end } = quotedAt(this.#text, this.#at);
      this.#at = end;
      return value;
    }
    bare.lastIndex = this.#at;
    const text = bare.exec(this.#text)?.[0] ?? "";
    if (text.includes(" #")) throw unknown;
    this.#at += text.length;
    return bareValue(text.trimEnd());
  }

  #mapping(depth: number): Readonly<Record<string, unknown>> {
    const mapping: Record<string, unknown> = {};
    if (this.#opens("}")) return mapping;
    do {
      key.lastIndex = this.#at;
      const found = key.exec(this.#text);
      if (found === null) throw unknown;
      const [whole, double, single, plain = ""] = found;
      const name = double ?? single ?? plain;
      if (/^(?:null|Null|NULL)$/.test(plain) || Object.hasOwn(mapping, name)) throw unknown;
      this.#at += whole.length;
      mapping[name] = this.#value(depth + 1);
    } while (this.#goesOn("}"));
    return mapping;
  }

  #list(depth: number): readonly unknown[] {
    const items: unknown[] = [];
    if (this.#opens("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#goesOn("]"));
    return items;
  }

  /** Passes the opening bracket; whether the closing one follows. */
  #opens(close: string): boolean {
    this.#at++;
    this.#skip();
    if (this.#text[this.#at] !== close) return false;
    this.#at++;
    return true;
  }

  /** Passes a comma or the closing bracket. */
  #goesOn(close: string): boolean {
    this.#skip();
    const mark = this.#text[this.#at];
    if (mark !== "," && mark !== close) throw unknown;
    this.#at++;
    if (mark === ",") this.#skip();
    return mark === ",";
  }

  #skip(): void {
    while (this.#text[this.#at] === " ") this.#at++;
  }
}
