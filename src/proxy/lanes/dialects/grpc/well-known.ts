// Well-known types whose JSON is not that of their fields (protobuf.dev/programming-guides/json): each is turned into the
// JSON of its fields and back, one layer at a time.

/** Throws Error with what was expected. */
export type ToFields = (json: unknown) => Readonly<Record<string, unknown>>;
export type ToJson = (fields: Readonly<Record<string, unknown>>) => unknown;

export interface WellKnown {
  readonly toFields: ToFields;
  readonly toJson: ToJson;
}

const wrapper: WellKnown = {
  toFields: (json) => ({ value: json }),
  toJson: (fields) => fields.value,
};

const timestamp: WellKnown = {
  toFields(json) {
    const [, whole = "", fraction = "", zone = ""] =
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(String(json)) ?? [];
    const ms = Date.parse(`${whole}${zone}`);
    if (Number.isNaN(ms)) throw new Error(expected("a time such as 2026-01-31T12:00:00Z", json));
    return { seconds: Math.floor(ms / 1_000), nanos: Number(fraction.padEnd(9, "0")) };
  },
  toJson(fields) {
    const ms = Number(fields.seconds ?? 0) * 1_000;
    if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return fields; // no date that JavaScript can say
    return `${new Date(ms).toISOString().slice(0, 19)}${fractionOf(Number(fields.nanos ?? 0))}Z`;
  },
};

const duration: WellKnown = {
  toFields(json) {
    const [, sign = "", seconds, fraction = ""] =
      /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(String(json)) ?? [];
    if (seconds === undefined) throw new Error(expected("seconds such as 1.5s", json));
    const factor = sign === "" ? 1 : -1;
    return { seconds: factor * Number(seconds) || 0, nanos: factor * Number(fraction.padEnd(9, "0")) || 0 };
  },
  toJson(fields) {
    const [seconds, nanos] = [Number(fields.seconds ?? 0), Number(fields.nanos ?? 0)];
    const sign = seconds < 0 || nanos < 0 ? "-" : "";
    return `${sign}${Math.abs(seconds)}${fractionOf(Math.abs(nanos))}s`;
  },
};

/** None, or 3, 6 or 9 digits. */
function fractionOf(nanos: number): string {
  if (nanos === 0) return "";
  return `.${String(nanos)
    .padStart(9, "0")
    .replace(/(?:000){1,2}$/, "")}`;
}

const value: WellKnown = {
  toFields(json) {
    if (json === null) return { nullValue: "NULL_VALUE" };
    if (Array.isArray(json)) return { listValue: json };
    switch (typeof json) {
      case "number":
        return { numberValue: json };
      case "string":
        return { stringValue: json };
      case "boolean":
        return { boolValue: json };
      default:
        return { structValue: json };
    }
  },
  toJson(fields) {
    const [found] = Object.entries(fields);
    return found === undefined || found[0] === "nullValue" ? null : found[1];
  },
};

const fieldMask: WellKnown = {
  toFields(json) {
    if (typeof json !== "string") throw new Error(expected("names such as userName,plan", json));
    const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { paths: json === "" ? [] : json.split(",").map(snake) };
  },
  toJson(fields) {
    const paths: unknown = fields.paths;
    const camel = (name: string) => name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    return Array.isArray(paths) ? paths.map((path) => camel(String(path))).join(",") : "";
  },
};

function expected(what: string, json: unknown): string {
  return `expected ${what}, got ${JSON.stringify(json)}`;
}

const wrappers = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"];

/** By full name. google.protobuf.Any is not here: it needs the types. */
export const wellKnown: ReadonlyMap<string, WellKnown> = new Map([
  ...wrappers.map((name) => [`google.protobuf.${name}Value`, wrapper] as const),
  ["google.protobuf.Timestamp", timestamp],
  ["google.protobuf.Duration", duration],
  ["google.protobuf.Value", value],
  ["google.protobuf.FieldMask", fieldMask],
  [
    "google.protobuf.Struct",
    { toFields: (json) => ({ fields: json }), toJson: (fields) => fields.fields ?? {} },
  ],
  [
    "google.protobuf.ListValue",
    { toFields: (json) => ({ values: json }), toJson: (fields) => fields.values ?? [] },
  ],
]);
