import { expect, test } from "vitest";

import { readTraining } from "../../api/training.ts";
import { TRAINING } from "../../testing/answers.ts";
import { newsOf } from "./news.ts";

const UPDATED = Date.parse(TRAINING.updated);

function news(change: object, silentSeconds = 0) {
  const training = readTraining({ ...TRAINING, ...change }, "training");
  return newsOf({ ...training, asked: UPDATED + silentSeconds * 1000 });
}

test("there is none before and after a training", () => {
  expect(newsOf(null)).toEqual({ kind: "none" });
  expect(news({ state: "done" })).toEqual({ kind: "none" });
});

test("the time left runs on while the trainer is silent", () => {
  expect(news({}, 10)).toEqual({ kind: "running", state: "training", secondsLeft: 84 });
  expect(news({ eta_seconds: 5 }, 10)).toMatchObject({ secondsLeft: 0 });
  expect(news({ eta_seconds: null }, 10)).toMatchObject({ secondsLeft: null });
});

test("a clock that runs ahead is no time in the past", () => {
  expect(news({}, -300)).toMatchObject({ kind: "running", secondsLeft: 94 });
});

test.each([
  ["training", 60, "running"],
  ["training", 61, "stalled"],
  ["preparing", 599, "running"],
  ["publishing", 601, "stalled"],
  ["failed", 10_000, "failed"],
  ["done", 10_000, "none"],
])("%s, silent for %d s, is %s", (state, silence, kind) => {
  expect(news({ state }, silence).kind).toBe(kind);
});
