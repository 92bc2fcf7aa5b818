import { useCallback, useEffect, useReducer, useRef, type Dispatch } from "react";

import { classify } from "./classify.ts";
import { createLimiter } from "./limiter.ts";
import type { Picture } from "./pictures.ts";
import { LIMIT, NO_RESULTS, reduce, type Action, type Result, type Results } from "./results.ts";

/** Requests under way at a time. */
const CONCURRENCY = 3;

export interface Predictions extends Results {
  /** Classifies pictures, the first LIMIT of them. */
  readonly add: (pictures: readonly Picture[]) => void;
  /** Forgets all results, and stops what is under way. */
  readonly clear: () => void;
}

interface Work {
  readonly run: (task: () => Promise<void>) => void;
  readonly stop: AbortController;
}

/** Classifies pictures, each with a request of its own, a few at a time. */
export function usePredictions(): Predictions {
  const [results, dispatch] = useReducer(reduce, NO_RESULTS);
  const work = useRef<Work>(null);
  const lastId = useRef(0);

  const stop = useCallback(() => {
    work.current?.stop.abort();
    work.current = null;
  }, []);
  useEffect(() => stop, [stop]);

  const add = useCallback((pictures: readonly Picture[]) => {
    if (pictures.length === 0) {
      return;
    }
    const { run, stop } = (work.current ??= startWork());
    const added = pictures.slice(0, LIMIT).map((picture): Result => {
      lastId.current += 1;
      return { id: lastId.current, picture, outcome: { kind: "sent" } };
    });
    dispatch({ kind: "added", results: added, skipped: pictures.length - added.length });
    for (const result of added) {
      run(() => settle(result, dispatch, stop.signal));
    }
  }, []);

  const clear = useCallback(() => {
    stop();
    dispatch({ kind: "cleared" });
  }, [stop]);

  return { ...results, add, clear };
}

function startWork(): Work {
  return { run: createLimiter(CONCURRENCY), stop: new AbortController() };
}

async function settle(
  { id, picture }: Result,
  dispatch: Dispatch<Action>,
  signal: AbortSignal,
): Promise<void> {
  const change = (outcome: Result["outcome"]) => {
    dispatch({ kind: "changed", id, outcome });
  };
  const onWait = () => {
    change({ kind: "retrying" });
  };
  try {
    signal.throwIfAborted();
    change(await classify(picture, onWait, signal));
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}
