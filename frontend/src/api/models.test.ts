import { expect, test } from "vitest";

import { MANIFEST, models } from "../testing/answers.ts";
import { fakeServer } from "../testing/server.ts";
import { fileAddress, getFile, getModel, getServing, readModel } from "./models.ts";

const { signal } = new AbortController();

test.each([3, null])("reads which version is served: %s", async (current) => {
  fakeServer({ "/api/models": models(current) });
  expect(await getServing(signal)).toEqual({ name: "digits", current });
});

test("reads what the page tells of a manifest", async () => {
  fakeServer({ "/api/models/3": MANIFEST });
  expect(await getModel(3, signal)).toEqual({
    name: "digits",
    version: 3,
    created: Date.UTC(2026, 0, 2, 3, 4, 5),
    labels: ["0", "1", "2"],
    accuracy: 0.9916,
    dataset: {
      name: "digits",
      train: 1258,
      val: 180,
      test: 359,
      attribution: "Optical Recognition of Handwritten Digits, CC BY 4.0",
    },
    samples: MANIFEST.samples,
  });
});

test("attribution may be missing", () => {
  const { attribution, ...dataset } = MANIFEST.dataset;
  expect(attribution).toBeTruthy();
  expect(readModel({ ...MANIFEST, dataset }, "answer").dataset.attribution).toBeNull();
});

test("a sample's name cannot lead elsewhere", () => {
  const samples = [{ file: "../../training", label: "1" }];
  expect(() => readModel({ ...MANIFEST, samples }, "answer")).toThrow(
    "answer.samples[0].file is not a file name",
  );
});

test("an image element and a request ask for a file at the same address", async () => {
  const server = fakeServer({ [fileAddress(3, "a.png")]: new Response("pixels") });
  await getFile(3, "a.png", signal);
  expect(server.paths).toEqual(["/api/models/3/files/a.png"]);
});
