import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";

import { readTraining } from "../../api/training.ts";
import { TRAINING } from "../../testing/answers.ts";
import { TrainingNews } from "./TrainingNews.tsx";

function show(change: object, silentSeconds = 0) {
  const training = readTraining({ ...TRAINING, ...change }, "training");
  const asked = training.updated + silentSeconds * 1000;
  return render(<TrainingNews training={{ ...training, asked }} />);
}

test("shows the epoch, the time left and the accuracy so far", () => {
  show({});
  expect(screen.getByText("Epoch 7 of 30")).toBeTruthy();
  expect(screen.getByText("2 min left at most")).toBeTruthy();
  expect(screen.getByText("Accuracy so far 94.0%")).toBeTruthy();
  const progress = screen.getByRole<HTMLProgressElement>("progressbar", { name: "Training" });
  expect([progress.value, progress.max]).toEqual([7, 30]);
});

test("announces what the trainer does, not each epoch", () => {
  const { rerender } = show({});
  expect(screen.getByRole("status").textContent).toBe("A model is being trained.");
  const later = readTraining({ ...TRAINING, epoch: 8 }, "training");
  rerender(<TrainingNews training={{ ...later, asked: later.updated }} />);
  expect(screen.getByRole("status").textContent).toBe("A model is being trained.");
});

test("shows no number of epochs where none are counted", () => {
  show({ state: "preparing", epoch: 0, metrics: {} });
  expect(screen.getByRole("progressbar").hasAttribute("value")).toBe(false);
  expect(screen.queryByText(/^Epoch/)).toBeNull();
});

test("tells why a training failed", () => {
  show({ state: "failed", error: "roses has 1 image; give each class at least 3" });
  expect(screen.getByRole("heading").textContent).toBe("The last training failed");
  expect(screen.getByText("roses has 1 image; give each class at least 3")).toBeTruthy();
});

test("tells that the trainer seems to have stopped", () => {
  show({}, 61);
  expect(screen.getByRole("heading").textContent).toBe("The trainer seems to have stopped");
  expect(screen.queryByRole("progressbar")).toBeNull();
});

test("shows nothing when there is nothing to tell", () => {
  const { container } = show({ state: "done" });
  expect(container.textContent).toBe("");
});
