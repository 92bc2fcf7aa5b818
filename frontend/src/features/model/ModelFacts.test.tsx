import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";

import { readModel } from "../../api/models.ts";
import { MANIFEST } from "../../testing/answers.ts";
import { ModelFacts } from "./ModelFacts.tsx";

function show(change: object) {
  render(<ModelFacts model={readModel({ ...MANIFEST, ...change }, "manifest")} />);
}

test("tells which model it is, how good, and on what it was trained", () => {
  show({});
  expect(fact("Model")).toBe("digits, version 3");
  expect(fact("Accuracy")).toContain("99.2% on 359 images");
  expect(fact("Trained on")).toContain("digits: 1,797 images (1,258 to learn from");
  expect(fact("Classes")).toBe("0, 1, 2");
  expect(fact("Attribution")).toBe(MANIFEST.dataset.attribution);
});

test("tells when it was trained, relatively and in full", () => {
  show({ created: "2020-01-02T03:04:05Z" });
  expect(fact("Trained")).toMatch(/^\d+ years ago \(January \d, 2020 at /);
});

test("shortens a long list of classes", () => {
  show({ labels: Array.from({ length: 1030 }, (_, index) => `c${String(index)}`) });
  expect(fact("Classes")).toMatch(/^c0, c1, .*, c29 and 1,000 more$/);
});

test.each([undefined, ""])("says nothing of an attribution that is %j", (attribution) => {
  show({ dataset: { ...MANIFEST.dataset, attribution } });
  expect(screen.queryByText("Attribution")).toBeNull();
});

function fact(term: string): string | null | undefined {
  return screen.getByText(term).nextElementSibling?.textContent;
}
