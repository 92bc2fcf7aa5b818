import { expect, test } from "vitest";

import {
  count,
  field,
  fields,
  fileName,
  fraction,
  list,
  moment,
  number,
  oneOf,
  optional,
  ShapeError,
  text,
  type Reader,
} from "./shape.ts";

const cases: readonly (readonly [
  string,
  Reader<unknown>,
  readonly unknown[],
  readonly unknown[],
])[] = [
  ["text", text, ["", "a"], [1, null, undefined, {}]],
  ["number", number, [0, -1.5], ["1", Number.NaN, Infinity, null]],
  ["count", count, [0, 7], [-1, 1.5, 2 ** 60, "7"]],
  ["fraction", fraction, [0, 0.5, 1], [-0.1, 1.1, "0.5"]],
  ["file name", fileName, ["a.png", "0-1_2.txt"], ["../a", "a/b", ".a", "", "a%2fb", "a\n"]],
  ["choice", oneOf("a", "b"), ["a", "b"], ["c", "A", 1, undefined]],
  ["optional", optional(text), ["a"], [1, {}]],
  ["list", list(text), [[], ["a"]], [{}, "a", [1], null]],
  ["object", fields, [], [[], null, "a", 1, undefined]],
  ["time", moment, [], ["yesterday", 1, null]],
];

test.each(cases)("%s takes its values, and refuses others by name", (_, read, good, bad) => {
  for (const value of good) {
    expect(read(value, "it")).toEqual(value);
  }
  for (const value of bad) {
    expect(() => read(value, "it")).toThrow(ShapeError);
    expect(() => read(value, "it")).toThrow(/^it/);
  }
});

test("a time is in milliseconds since 1970", () => {
  expect(moment("1970-01-01T00:00:01Z", "it")).toBe(1000);
});

test("absent and null are the same for an optional value", () => {
  expect(optional(text)(undefined, "it")).toBeNull();
  expect(optional(text)(null, "it")).toBeNull();
});

test("an error names the path to the value", () => {
  const value = { a: { b: [{ c: 1 }, { c: "2" }] } };
  const readC: Reader<number> = (item, path) => field(fields(item, path), "c", number);
  const a = field(fields(value, "answer"), "a", fields);
  expect(() => field(a, "b", list(readC))).toThrow("answer.a.b[1].c is not a number");
});

test("inherited members do not count", () => {
  const empty = fields({}, "it");
  expect(() => field(empty, "__proto__", fields)).toThrow("it.__proto__ is not an object");
});
