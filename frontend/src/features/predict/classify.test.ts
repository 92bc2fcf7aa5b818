import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ApiError } from "../../api/request.ts";
import { PREDICTION, refusal } from "../../testing/answers.ts";
import { fakeServer } from "../../testing/server.ts";
import { classify } from "./classify.ts";
import { ownPicture } from "./pictures.ts";

const PICTURE = ownPicture(new File(["pixels"], "mine.png"));
const BUSY = refusal(503, "busy", { "Retry-After": "7" });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("waits as long as a busy server asks, then tries again", async () => {
  const routes = { "/api/predict": BUSY };
  const server = fakeServer(routes);
  const onWait = vi.fn();
  const outcome = classify(PICTURE, onWait, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(6_999);
  expect(server.paths).toHaveLength(1);
  expect(onWait).toHaveBeenCalledOnce();
  Object.assign(routes, { "/api/predict": PREDICTION });
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toMatchObject({ kind: "done", prediction: { version: 3 } });
  expect(server.paths).toHaveLength(2);
});

test("gives up after a few tries", async () => {
  const server = fakeServer({ "/api/predict": BUSY });
  const outcome = classify(PICTURE, vi.fn(), new AbortController().signal);
  await vi.runAllTimersAsync();
  expect(await outcome).toMatchObject({ kind: "failed" });
  expect(server.paths).toHaveLength(4);
});

test("never waits longer than half a minute", async () => {
  const server = fakeServer({ "/api/predict": refusal(503, "busy", { "Retry-After": "9999" }) });
  void classify(PICTURE, vi.fn(), new AbortController().signal);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(server.paths).toHaveLength(2);
});

test("a refusal for good is not tried again", async () => {
  const server = fakeServer({ "/api/predict": refusal(400, "not_an_image") });
  const outcome = await classify(PICTURE, vi.fn(), new AbortController().signal);
  expect(outcome).toMatchObject({ kind: "failed" });
  expect(server.paths).toHaveLength(1);
});

test("stops waiting when it is aborted", async () => {
  const server = fakeServer({ "/api/predict": BUSY });
  const stop = new AbortController();
  const outcome = expect(classify(PICTURE, vi.fn(), stop.signal)).rejects.toThrow("gone");
  await vi.advanceTimersByTimeAsync(1);
  stop.abort(new Error("gone"));
  await outcome;
  expect(vi.getTimerCount()).toBe(0);
  expect(server.paths).toHaveLength(1);
});

test("an unexpected error is not swallowed", async () => {
  const picture = { ...PICTURE, load: () => Promise.reject(new RangeError("bug")) };
  const outcome = classify(picture, vi.fn(), new AbortController().signal);
  await expect(outcome).rejects.not.toBeInstanceOf(ApiError);
});
