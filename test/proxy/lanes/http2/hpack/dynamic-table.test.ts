// The dynamic table of a decoder: what is inserted again is there as if it had been inserted each time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../../src/core/random.ts";
import { DynamicTable } from "../../../../../src/proxy/lanes/http2/hpack/dynamic-table.ts";
import { Field } from "../../../../../src/proxy/lanes/http2/hpack/field.ts";

function valuesOf(table: DynamicTable): string[] {
  const values: string[] = [];
  for (let field = table.entry(0); field; field = table.entry(values.length)) values.push(field.value);
  return values;
}

test("dynamic table: lists that are inserted again, between looks, inserts and new sizes", () => {
  const random = seededRandom(11);
  const below = (limit: number) => random.uint32() % limit;
  const lists = [1, 4, 40, 2_000, 5_000].map((length) => [
    new Field("a", "1".repeat(length)),
    new Field("b", "2".repeat(length >> 1)),
  ]);
  const table = new DynamicTable();
  const model = new DynamicTable();
  for (let step = 0; step < 3_000; step++) {
    const list = lists[below(lists.length)] ?? [];
    const times = below(4) === 0 ? below(300) : below(4);
    for (let time = 0; time < times; time++) {
      table.insertAgain(list);
      for (const field of list) model.insert(field);
    }
    const what = below(8);
    if (what === 0) {
      const bytes = below(6_000);
      table.resize(bytes);
      model.resize(bytes);
    } else if (what === 1) {
      const field = new Field("c", `${step}`);
      table.insert(field);
      model.insert(field);
    } else if (what < 5) assert.deepEqual(valuesOf(table), valuesOf(model), `step ${step}`);
  }
});
