import { fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";

import { Picture } from "./Picture.tsx";

test("a blob's address is freed with the picture", () => {
  const create = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:1");
  const revoke = vi.spyOn(URL, "revokeObjectURL").mockReturnValue();
  const { unmount } = render(<Picture source={new Blob(["pixels"])} alt="mine" />);
  expect(screen.getByRole<HTMLImageElement>("img").src).toBe("blob:1");
  expect(create).toHaveBeenCalledOnce();
  expect(revoke).not.toHaveBeenCalled();
  unmount();
  expect(revoke).toHaveBeenCalledExactlyOnceWith("blob:1");
});

test("a picture that the browser cannot show is its description in a frame", () => {
  render(<Picture source="/a.png" alt="a rose" />);
  fireEvent.error(screen.getByRole("img"));
  expect(screen.queryByRole("img")).toBeNull();
  expect(screen.getByText("a rose").className).toBe("picture");
});

test.each([
  [8, true],
  [64, true],
  [65, false],
])("%d pixels are shown as pixels: %s", (side, tiny) => {
  render(<Picture source="/a.png" alt="a" />);
  const image = screen.getByRole("img");
  Object.defineProperties(image, { naturalWidth: { value: side }, naturalHeight: { value: 8 } });
  fireEvent.load(image);
  expect(image.classList.contains("tiny")).toBe(tiny);
});
