import { fireEvent, render, screen, within } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { readModel } from "../../api/models.ts";
import { MANIFEST, PREDICTION, refusal } from "../../testing/answers.ts";
import { violations } from "../../testing/axe.ts";
import { fakeServer } from "../../testing/server.ts";
import { Predict } from "./Predict.tsx";

const MODEL = readModel(MANIFEST, "manifest");

let revoke: (address: string) => void;

beforeEach(() => {
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:1");
  revoke = vi.spyOn(URL, "revokeObjectURL").mockReturnValue();
});

test("each chosen picture is a request and a card of its own", async () => {
  const server = fakeServer({ "/api/predict": PREDICTION });
  render(<Predict model={MODEL} />);
  await userEvent.upload(chooser(), [png("a.png"), png("b.png")]);
  const cards = await screen.findAllByText("93.2%");
  expect(cards).toHaveLength(2);
  expect(server.files.map(({ name }) => name)).toEqual(["a.png", "b.png"]);
  expect(headings()).toEqual(["b.png", "a.png"]);
  expect(screen.getAllByText("Version 3")).toHaveLength(2);
});

test("announces the answer", async () => {
  fakeServer({ "/api/predict": PREDICTION });
  render(<Predict model={MODEL} />);
  await userEvent.upload(chooser(), png("a.png"));
  await expect.poll(() => screen.getByRole("status").textContent).toBe("a.png: 1, 93.2%.");
});

test.each(["drop", "paste"] as const)("takes pictures by %s", async (kind) => {
  const server = fakeServer({ "/api/predict": PREDICTION });
  render(<Predict model={MODEL} />);
  const data = { files: [png("a.png")], types: ["Files"] };
  if (kind === "drop") {
    fireEvent.dragOver(document.body, { dataTransfer: data });
    expect(screen.getByText("Let go to classify")).toBeTruthy();
    fireEvent.drop(document.body, { dataTransfer: data });
    expect(screen.queryByText("Let go to classify")).toBeNull();
  } else {
    fireEvent.paste(document.body, { clipboardData: data });
  }
  await screen.findByText("93.2%");
  expect(server.files.map(({ name }) => name)).toEqual(["a.png"]);
});

test("pasted text is left alone", () => {
  fakeServer({});
  render(<Predict model={MODEL} />);
  const clipboardData = { files: [], types: ["text/plain"] };
  const goesOn = fireEvent.paste(document.body, { clipboardData });
  expect(goesOn).toBe(true);
  expect(screen.queryByText("Results")).toBeNull();
});

test("choosing nothing does nothing", () => {
  fakeServer({});
  render(<Predict model={MODEL} />);
  fireEvent.change(chooser(), { target: { files: [] } });
  expect(screen.getByRole("status").textContent).toBe("");
});

test.each([
  [1, "Right: it is “1”."],
  [2, "Wrong: it is “2”."],
])("sample %d is classified, and told whether that is right", async (number, words) => {
  const server = fakeServer({
    "/api/models/3/files/sample-1.png": new Response("pixels"),
    "/api/models/3/files/sample-2.png": new Response("pixels"),
    "/api/predict": PREDICTION,
  });
  render(<Predict model={MODEL} />);
  const name = `Sample ${String(number)}: ${String(number)}`;
  await userEvent.click(screen.getByRole("button", { name }));
  expect((await screen.findAllByText(words, { exact: false })).length).toBeGreaterThan(0);
  expect(await server.files[0]?.text()).toBe("pixels");
});

test("a picture that fails says why and leaves the others alone", async () => {
  const answers = [refusal(400, "not_an_image"), PREDICTION];
  fakeServer({ "/api/predict": () => answers.shift() });
  render(<Predict model={MODEL} />);
  await userEvent.upload(chooser(), [png("text.jpg"), png("b.png")]);
  await screen.findByText("93.2%");
  const [, bad] = within(results()).getAllByRole("heading", { level: 3 });
  expect(bad?.parentElement?.textContent).toMatch(/^text\.jpg.*not a picture that can be read/);
});

test("clearing forgets the results, frees the thumbnails and keeps the focus", async () => {
  fakeServer({ "/api/predict": PREDICTION });
  render(<Predict model={MODEL} />);
  await userEvent.upload(chooser(), png("a.png"));
  await screen.findByText("93.2%");
  expect(revoke).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("button", { name: "Clear results" }));
  expect(screen.queryByText("Results")).toBeNull();
  expect(revoke).toHaveBeenCalledExactlyOnceWith("blob:1");
  expect(document.activeElement).toBe(chooser());
});

test("leaving the page stops the requests", async () => {
  const signals: (AbortSignal | null | undefined)[] = [];
  const never = new Promise(() => undefined);
  fakeServer({
    "/api/predict": ({ signal }: RequestInit) => {
      signals.push(signal);
      return never;
    },
  });
  const { unmount } = render(<Predict model={MODEL} />);
  await userEvent.upload(chooser(), png("a.png"));
  expect(signals[0]?.aborted).toBe(false);
  unmount();
  expect(signals[0]?.aborted).toBe(true);
});

test("takes fifty pictures at most, and says so", async () => {
  fakeServer({ "/api/predict": PREDICTION });
  render(<Predict model={MODEL} />);
  await userEvent.upload(
    chooser(),
    Array.from({ length: 53 }, (_, index) => png(`${String(index)}.png`)),
  );
  expect(await screen.findAllByText("93.2%")).toHaveLength(50);
  expect(screen.getByText("Only the first 50 pictures were taken; 3 were left out.")).toBeTruthy();
});

test("axe finds nothing", async () => {
  fakeServer({ "/api/predict": PREDICTION });
  document.documentElement.lang = "en";
  document.title = "Image classifier";
  render(
    <main>
      <h1>Image classifier</h1>
      <Predict model={MODEL} />
    </main>,
  );
  await userEvent.upload(chooser(), png("a.png"));
  await screen.findByText("93.2%");
  expect(await violations()).toEqual([]);
});

function png(name: string): File {
  return new File(["pixels"], name, { type: "image/png" });
}

function chooser(): HTMLInputElement {
  return screen.getByLabelText("Choose pictures");
}

function results(): HTMLElement {
  return screen.getByRole("region", { name: "Results" });
}

function headings(): readonly (string | null)[] {
  return within(results())
    .getAllByRole("heading", { level: 3 })
    .map(({ textContent }) => textContent);
}
