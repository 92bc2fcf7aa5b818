import { expect, test } from "vitest";

import { answer, NO_TRAINING, refusal, TRAINING } from "../testing/answers.ts";
import { fakeServer } from "../testing/server.ts";
import { getTraining, readTraining } from "./training.ts";

const { signal } = new AbortController();

test("reads what the trainer does, and when the server said so", async () => {
  const headers = { Date: "Fri, 02 Jan 2026 03:04:10 GMT" };
  fakeServer({ "/api/training": answer(TRAINING, { headers }) });
  expect(await getTraining(signal)).toEqual({
    state: "training",
    dataset: "digits",
    epoch: 7,
    epochs: 30,
    accuracy: 0.94,
    etaSeconds: 94,
    updated: Date.UTC(2026, 0, 2, 3, 4, 5),
    error: null,
    asked: Date.UTC(2026, 0, 2, 3, 4, 10),
  });
});

test("before the first epoch there is neither accuracy nor time left", () => {
  const early = { ...TRAINING, epoch: 0, metrics: {}, eta_seconds: null };
  expect(readTraining(early, "answer")).toMatchObject({ accuracy: null, etaSeconds: null });
});

test("no training yet is null; another refusal is an error", async () => {
  fakeServer({ "/api/training": NO_TRAINING });
  expect(await getTraining(signal)).toBeNull();
  fakeServer({ "/api/training": refusal(502, "bad_gateway") });
  await expect(getTraining(signal)).rejects.toMatchObject({ code: "bad_gateway" });
});

test("an unknown state is refused", () => {
  expect(() => readTraining({ ...TRAINING, state: "resting" }, "answer")).toThrow(/^answer\.state/);
});
