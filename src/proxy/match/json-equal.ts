// Deep comparison of two JSON values, as `equalToJson` has it.

export interface JsonEqualOptions {
  readonly ignoreArrayOrder: boolean;
  /**
   * Members of objects and elements of arrays that were not expected are passed over, at any depth.
   * Where the order counts, the expected elements must appear in theirs.
   */
  readonly ignoreExtraElements: boolean;
}

/** Numbers compare by value, members without order. Values must be what JSON.parse gives. */
export function jsonEqual(expected: unknown, actual: unknown, options: JsonEqualOptions): boolean {
  if (Array.isArray(expected)) return Array.isArray(actual) && arraysEqual(expected, actual, options);
  if (typeof expected !== "object" || expected === null) return expected === actual;
  if (typeof actual !== "object" || actual === null || Array.isArray(actual)) return false;
  const names = Object.keys(expected);
  if (!options.ignoreExtraElements && names.length !== Object.keys(actual).length) return false;
  return names.every(
    (name) => Object.hasOwn(actual, name) && jsonEqual(member(expected, name), member(actual, name), options),
  );
}

function member(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name]; // an own name of a parsed object
}

function arraysEqual(
  expected: readonly unknown[],
  actual: readonly unknown[],
  options: JsonEqualOptions,
): boolean {
  if (expected.length > actual.length) return false;
  if (!options.ignoreExtraElements && expected.length !== actual.length) return false;
  if (options.ignoreArrayOrder) return eachHasPartner(expected, actual, options);
  let next = 0;
  for (const value of actual) {
    if (next === expected.length) break;
    if (jsonEqual(expected[next], value, options)) next++;
    else if (!options.ignoreExtraElements) return false;
  }
  return next === expected.length;
}

/**
 * A one-to-one assignment by augmenting paths: taking the first fit is not enough, because with extra elements
 * ignored `{}` fits everything and could take the only partner of `{"a":1}`.
 */
function eachHasPartner(
  expected: readonly unknown[],
  actual: readonly unknown[],
  options: JsonEqualOptions,
): boolean {
  const ownerOf = new Map<number, number>();
  const assign = (wanted: number, tried: Set<number>): boolean => {
    for (let i = 0; i < actual.length; i++) {
      if (tried.has(i) || !jsonEqual(expected[wanted], actual[i], options)) continue;
      tried.add(i);
      const owner = ownerOf.get(i);
      if (owner !== undefined && !assign(owner, tried)) continue;
      ownerOf.set(i, wanted);
      return true;
    }
    return false;
  };
  return expected.every((_, wanted) => assign(wanted, new Set()));
}
