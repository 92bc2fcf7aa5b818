import { expect, test } from "vitest";

import { createLimiter } from "./limiter.ts";

test("runs a few tasks at a time, in order", async () => {
  const run = createLimiter(2);
  const tasks = [0, 1, 2, 3].map(() => Promise.withResolvers<undefined>());
  const started: number[] = [];
  for (const [index, { promise }] of tasks.entries()) {
    run(() => {
      started.push(index);
      return promise;
    });
  }
  expect(started).toEqual([0, 1]);
  tasks[1]?.resolve(undefined);
  await expect.poll(() => started).toEqual([0, 1, 2]);
  tasks[0]?.resolve(undefined);
  await expect.poll(() => started).toEqual([0, 1, 2, 3]);
});
