import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { answer, MANIFEST, models, NO_TRAINING, refusal, TRAINING } from "../testing/answers.ts";
import { violations } from "../testing/axe.ts";
import { fakeServer, type Routes } from "../testing/server.ts";
import { App } from "./App.tsx";

const EMPTY: Routes = { "/api/models": models(null), "/api/training": NO_TRAINING };
const READY: Routes = { ...EMPTY, "/api/models": models(3), "/api/models/3": MANIFEST };
const RUNNING = answer(TRAINING, { headers: { Date: "Fri, 02 Jan 2026 03:04:10 GMT" } });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("says that there is no model, and comes alive when there is one", async () => {
  const routes = { ...EMPTY };
  await open(routes);
  expect(headings()).toEqual(["Image classifier", "There is no model yet"]);
  expect(screen.queryByLabelText("Choose pictures")).toBeNull();
  Object.assign(routes, READY);
  await pass(3);
  expect(screen.getByLabelText("Choose pictures")).toBeTruthy();
  expect(headings()).not.toContain("There is no model yet");
  expect(statuses()).toContain("Version 3 of digits is ready.");
});

test("shows a training as it goes on, and the model that comes of it", async () => {
  const routes: Routes = { ...EMPTY, "/api/training": RUNNING };
  await open(routes);
  expect(screen.getByText("Epoch 7 of 30")).toBeTruthy();
  routes["/api/training"] = answer({ ...TRAINING, epoch: 8 }, { headers: RUNNING.headers });
  await pass(1.5);
  expect(screen.getByText("Epoch 8 of 30")).toBeTruthy();
  Object.assign(routes, READY, { "/api/training": { ...TRAINING, state: "done", version: 3 } });
  await pass(1.5);
  expect(screen.queryByRole("progressbar")).toBeNull();
  expect(screen.getByText("digits, version 3")).toBeTruthy();
});

test("notices a new version, and asks for its manifest once", async () => {
  const routes = { ...READY };
  const server = await open(routes);
  Object.assign(routes, {
    "/api/models": models(4),
    "/api/models/4": { ...MANIFEST, version: 4 },
  });
  await pass(10);
  await pass(10);
  expect(screen.getByText("digits, version 4")).toBeTruthy();
  expect(statuses()).toContain("Version 4 of digits is ready.");
  expect(server.paths.filter((path) => path === "/api/models/4")).toHaveLength(1);
});

test.each([
  ["down", () => Promise.reject(new TypeError("no network")), "cannot be reached"],
  ["behind a proxy that cannot reach it", refusal(502, "bad_gateway"), "message about bad_gateway"],
  ["of another kind", { name: 1 }, "cannot be read: answer.name is not a string"],
])("says that the server is %s, keeps what it knows, and recovers", async (_, models, words) => {
  const routes = { ...READY };
  await open(routes);
  routes["/api/models"] = models;
  await pass(10);
  expect(screen.getByText(words, { exact: false, selector: "div > p" })).toBeTruthy();
  expect(screen.getByLabelText("Choose pictures")).toBeTruthy();
  Object.assign(routes, READY);
  await pass(3);
  expect(headings()).not.toContain("No contact with the server");
});

test.each([
  ["no model", EMPTY],
  ["a training", { ...EMPTY, "/api/training": RUNNING }],
  ["a model", READY],
  ["no server", {}],
])("axe finds nothing with %s", async (_, routes) => {
  document.documentElement.lang = "en";
  document.title = "Image classifier";
  await open(routes);
  vi.useRealTimers();
  expect(await violations()).toEqual([]);
});

async function open(routes: Routes) {
  const server = fakeServer(routes);
  render(<App />);
  await pass(0);
  return server;
}

async function pass(seconds: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(seconds * 1000));
}

function headings(): readonly (string | null)[] {
  return screen.getAllByRole("heading").map(({ textContent }) => textContent);
}

function statuses(): readonly (string | null)[] {
  return screen.getAllByRole("status").map(({ textContent }) => textContent);
}
