import { useEffect } from "react";

/** Asks once, and tells after how many milliseconds to ask again. */
export type Poll = (signal: AbortSignal) => Promise<number>;

/**
 * Polls while the component is mounted: one question at a time, at once when the page is shown
 * again, and never after it has gone. `poll` must keep its identity between renders, and must not
 * reject unless it is aborted.
 */
export function usePolling(poll: Poll): void {
  useEffect(() => {
    const stop = new AbortController();
    const ask = repeat(poll, stop.signal);
    const onVisibility = () => {
      if (!document.hidden) {
        ask();
      }
    };
    ask();
    document.addEventListener("visibilitychange", onVisibility, { signal: stop.signal });
    return () => {
      stop.abort();
    };
  }, [poll]);
}

/** Returns what asks now, unless it is asking already, and goes on asking by itself. */
function repeat(poll: Poll, signal: AbortSignal): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;

  const ask = async () => {
    asking = true;
    try {
      const delay = await poll(signal);
      timer = setTimeout(start, delay);
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    } finally {
      asking = false;
    }
  };
  const start = () => {
    clearTimeout(timer);
    if (!asking && !signal.aborted) {
      void ask();
    }
  };
  signal.addEventListener("abort", start);
  return start;
}
