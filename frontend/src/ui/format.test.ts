import { expect, test } from "vitest";

import { ago, count, duration, percent } from "./format.ts";

test.each([
  [0, "0%"],
  [0.0004, "<0.1%"],
  [0.001, "0.1%"],
  [0.9316, "93.2%"],
  [0.9991, ">99.9%"],
  [1, "100%"],
])("%d is %s", (fraction, words) => {
  expect(percent(fraction)).toBe(words);
});

test.each([
  [0, "1 s"],
  [59.4, "59 s"],
  [94, "2 min"],
  [3599, "1 h 0 min"],
  [7500, "2 h 5 min"],
])("%d seconds are %s", (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test.each([
  [-5, "just now"],
  [59, "just now"],
  [60, "1 minute ago"],
  [7300, "2 hours ago"],
  [86_400, "yesterday"],
  [40_000_000, "last year"],
])("%d seconds back is %s", (seconds, words) => {
  expect(ago(0, seconds * 1000)).toBe(words);
});

test("a count has its thousands apart", () => {
  expect(count(1797)).toBe("1,797");
});
