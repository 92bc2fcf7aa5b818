import { expect, test } from "vitest";

import { ApiError } from "../../api/request.ts";
import { problemOf } from "./problems.ts";

test.each([
  ["not_an_image", /not a picture that can be read/],
  ["unsupported_type", /not a picture that can be read/],
  ["too_large", /too large/],
  ["http_413", /too large/],
  ["no_model", /no model yet/],
  ["model_fault", /model fails on this/],
  ["busy", /too busy/],
  ["timeout", /took too long/],
  ["bad_gateway", /does not answer/],
  ["not_found", /no longer there/],
  ["malformed", /cannot be read/],
  ["offline", /could not be sent/],
])("%s is told in words", (code, words) => {
  expect(problemOf(new ApiError(code, "the server's words"), 1000)).toMatch(words);
});

test.each(["offline", "bad_gateway"])("a large upload that ends %s was cut off", (code) => {
  expect(problemOf(new ApiError(code, ""), 30 * 2 ** 20)).toMatch(/cut off.* too large/);
});

test.each(["new_code", "toString"])("for %s, the server's words will do", (code) => {
  expect(problemOf(new ApiError(code, "The server's words."), 0)).toBe("The server's words.");
});
