import { expect, test } from "vitest";

import { answer, refusal } from "../testing/answers.ts";
import { fakeServer } from "../testing/server.ts";
import { ApiError, request, requestFile } from "./request.ts";
import { text } from "./shape.ts";

const { signal } = new AbortController();

test("a good answer comes with the server's time", async () => {
  const date = "Fri, 02 Jan 2026 03:04:05 GMT";
  fakeServer({ "/api/ping": answer("pong", { headers: { Date: date } }) });
  expect(await request("/ping", text, { signal })).toEqual({
    content: "pong",
    at: Date.parse(date),
  });
});

test.each([
  ["a refusal", refusal(503, "busy", { "Retry-After": "7" }), { code: "busy", retryAfter: 7 }],
  ["a date to retry at", refusal(503, "busy", { "Retry-After": "Fri" }), { retryAfter: null }],
  ["a page of a proxy", new Response("<html>", { status: 413 }), { code: "http_413" }],
  ["an error of no known shape", answer({ error: "x" }, { status: 500 }), { code: "http_500" }],
  ["no JSON", new Response("<html>"), { code: "malformed" }],
  ["the wrong shape", 1, { code: "malformed", message: "answer is not a string" }],
  ["no network", () => Promise.reject(new TypeError("no")), { code: "offline" }],
])("%s is an ApiError", async (_, route, expected) => {
  fakeServer({ "/api/ping": route });
  const error: unknown = await request("/ping", text, { signal }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject(expected);
});

test("an aborted request rejects with the reason", async () => {
  const stop = new AbortController();
  fakeServer({
    "/api/ping": () => {
      stop.abort(new Error("gone"));
      throw new TypeError("aborted");
    },
  });
  await expect(request("/ping", text, { signal: stop.signal })).rejects.toThrow("gone");
});

test("a file comes as it is, and a missing one is an ApiError", async () => {
  fakeServer({ "/api/a": new Response("bytes"), "/api/b": refusal(404, "not_found") });
  expect(await (await requestFile("/a", signal)).text()).toBe("bytes");
  await expect(requestFile("/b", signal)).rejects.toMatchObject({ code: "not_found" });
});
