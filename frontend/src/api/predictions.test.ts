import { expect, test } from "vitest";

import { PREDICTION } from "../testing/answers.ts";
import { fakeServer } from "../testing/server.ts";
import { predict, readPrediction } from "./predictions.ts";

test("sends the picture with its name and reads the answer", async () => {
  const server = fakeServer({ "/api/predict": PREDICTION });
  const { signal } = new AbortController();
  const prediction = await predict(new Blob(["pixels"]), "mine.png", signal);
  expect(prediction).toEqual({ version: 3, top: PREDICTION.predictions[0].top });
  expect(server.files[0]?.name).toBe("mine.png");
  expect(await server.files[0]?.text()).toBe("pixels");
});

test.each([
  [{ ...PREDICTION, model: {} }, "answer.model.version is not a number"],
  [{ ...PREDICTION, predictions: [] }, "answer.predictions is empty"],
  [{ ...PREDICTION, predictions: [{ top: [] }] }, "answer.predictions[0].top is empty"],
  [
    { ...PREDICTION, predictions: [{ top: [{ label: "1", probability: 2 }] }] },
    "answer.predictions[0].top[0].probability is not between 0 and 1",
  ],
])("refuses a wrong answer: %#", (value, message) => {
  expect(() => readPrediction(value, "answer")).toThrow(message);
});
