import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { usePolling, type Poll } from "./usePolling.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("asks at once, then after each pause that the last answer named", async () => {
  const poll = vi.fn<Poll>().mockResolvedValueOnce(1000).mockResolvedValue(5000);
  renderHook(() => {
    usePolling(poll);
  });
  expect(poll).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(poll).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(4999);
  expect(poll).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(poll).toHaveBeenCalledTimes(3);
});

test("asks at once when the page is shown again, never twice at a time", async () => {
  const answers = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const poll = vi.fn<Poll>();
  for (const { promise } of answers) {
    poll.mockReturnValueOnce(promise);
  }
  renderHook(() => {
    usePolling(poll);
  });
  document.dispatchEvent(new Event("visibilitychange"));
  expect(poll).toHaveBeenCalledTimes(1);
  answers[0]?.resolve(60_000);
  await act(() => vi.advanceTimersByTimeAsync(0));
  document.dispatchEvent(new Event("visibilitychange"));
  expect(poll).toHaveBeenCalledTimes(2);
});

test("is aborted with the component, and asks no more", async () => {
  const poll = vi.fn<Poll>().mockResolvedValue(10);
  const { unmount } = renderHook(() => {
    usePolling(poll);
  });
  await vi.advanceTimersByTimeAsync(0);
  unmount();
  expect(poll.mock.calls[0]?.[0].aborted).toBe(true);
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(1000);
  expect(poll).toHaveBeenCalledTimes(1);
});
