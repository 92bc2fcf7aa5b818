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
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;

    const ask = async () => {
      if (asking) {
        return;
      }
      clearTimeout(timer);
      asking = true;
      try {
        const delay = await poll(stop.signal);
        if (!stop.signal.aborted) {
          timer = setTimeout(start, delay);
        }
      } catch (error) {
        if (!stop.signal.aborted) {
          throw error;
        }
      } finally {
        asking = false;
      }
    };
    const start = () => void ask();
    const onVisibility = () => {
      if (!document.hidden) {
        start();
      }
    };

    start();
    document.addEventListener("visibilitychange", onVisibility, { signal: stop.signal });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [poll]);
}
