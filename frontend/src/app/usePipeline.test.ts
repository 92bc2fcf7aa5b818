import { expect, test } from "vitest";

import { readModel } from "../api/models.ts";
import { readTraining } from "../api/training.ts";
import { MANIFEST, TRAINING } from "../testing/answers.ts";
import { pause, type Pipeline } from "./usePipeline.ts";

const model = readModel(MANIFEST, "manifest");
const training = { ...readTraining(TRAINING, "training"), asked: Date.parse(TRAINING.updated) };
const idle: Pipeline = { contact: "ok", problem: null, model, training: null };

test("asks the sooner the more is about to change, and rarely while hidden", () => {
  const pauses = [
    pause({ ...idle, training }, false),
    pause({ ...idle, model: null }, false),
    pause(idle, false),
    pause({ ...idle, training }, true),
  ];
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  expect(new Set(pauses).size).toBe(4);
});

test("a training that stalled or is over is not watched closely", () => {
  const stalled = { ...training, asked: training.updated + 61_000 };
  expect(pause({ ...idle, training: stalled }, false)).toBe(pause(idle, false));
  const done = { ...training, state: "done" } as const;
  expect(pause({ ...idle, training: done }, false)).toBe(pause(idle, false));
});

test("a lost server is looked for as soon as a first model", () => {
  expect(pause({ ...idle, contact: "lost" }, false)).toBe(pause({ ...idle, model: null }, false));
});
