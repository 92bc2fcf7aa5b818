import { expect, test } from "vitest";

import { LIMIT, NO_RESULTS, reduce, type Action, type Result } from "./results.ts";

test("new results come first, and the oldest go", () => {
  const full = apply(...range(0, LIMIT).map((id) => added(id)));
  const more = reduce(full, added(LIMIT, LIMIT + 1));
  expect(more.list.map(({ id }) => id)).toEqual(range(2, LIMIT + 2).toReversed());
});

test("tells how many pictures were taken, and how many were not", () => {
  expect(apply(added(1, 2))).toMatchObject({ news: "Classifying 2 pictures.", skipped: 0 });
  expect(apply({ ...added(1), skipped: 3 })).toMatchObject({
    news: "Classifying 1 picture.",
    skipped: 3,
  });
});

test("tells each outcome", () => {
  const start = apply(added(1));
  expect(reduce(start, done(1, "rose")).news).toBe("1.png: rose, 93.2%.");
  const failed = { kind: "failed", problem: "Too large." } as const;
  expect(reduce(start, { kind: "changed", id: 1, outcome: failed }).news).toBe("1.png: Too large.");
  const retrying = { kind: "changed", id: 1, outcome: { kind: "retrying" } } as const;
  expect(reduce(start, retrying).news).toBe("1.png: the server is busy, trying again.");
});

test.each([
  ["rose", "1.png: rose, 93.2%. Right: it is “rose”."],
  ["tulip", "1.png: tulip, 93.2%. Wrong: it is “rose”."],
])("tells whether a sample was %s", (label, news) => {
  const sample = result(1);
  const picture = { ...sample.picture, truth: "rose" };
  const start = apply({ kind: "added", results: [{ ...sample, picture }], skipped: 0 });
  expect(reduce(start, done(1, label)).news).toBe(news);
});

test("an outcome of a result that is gone changes nothing", () => {
  const cleared = apply(added(1), { kind: "cleared" });
  expect(cleared.list).toEqual([]);
  expect(reduce(cleared, done(1, "rose"))).toBe(cleared);
});

function apply(...actions: readonly Action[]) {
  return actions.reduce(reduce, NO_RESULTS);
}

function added(...ids: readonly number[]) {
  return { kind: "added", results: ids.map(result), skipped: 0 } as const;
}

function done(id: number, label: string): Action {
  const prediction = { version: 3, top: [{ label, probability: 0.9316 }] } as const;
  return { kind: "changed", id, outcome: { kind: "done", prediction } };
}

function result(id: number): Result {
  const thumbnail = new Blob([]);
  const load = () => Promise.resolve(thumbnail);
  const picture = { name: `${String(id)}.png`, truth: null, thumbnail, load };
  return { id, picture, outcome: { kind: "sent" } };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
