import { useCallback, useRef, useState } from "react";

import { getModel, getServing, type Model } from "../api/models.ts";
import { ApiError } from "../api/request.ts";
import { getTraining, type Training } from "../api/training.ts";
import { newsOf } from "../features/training/news.ts";
import { usePolling } from "./usePolling.ts";

/** What the server has and does, as far as the page knows. */
export interface Pipeline {
  /** "asking" until the first answer. */
  readonly contact: "asking" | "ok" | "lost";
  /** Why the contact is lost, in words. */
  readonly problem: string | null;
  /** The model that answers, or null while there is none. */
  readonly model: Model | null;
  readonly training: Training | null;
}

const UNKNOWN: Pipeline = { contact: "asking", problem: null, model: null, training: null };

const HIDDEN_MILLISECONDS = 60_000;
const IDLE_MILLISECONDS = 10_000;
const WAITING_MILLISECONDS = 3_000;
const TRAINING_MILLISECONDS = 1_500;

/** Follows the server's model and training. What was known stays while the server is away. */
export function usePipeline(): Pipeline {
  const [pipeline, setPipeline] = useState(UNKNOWN);
  const known = useRef(UNKNOWN);

  const poll = useCallback(async (signal: AbortSignal) => {
    const next = await ask(known.current, signal);
    known.current = next;
    setPipeline(next);
    return pause(next, document.hidden);
  }, []);
  usePolling(poll);

  return pipeline;
}

async function ask(known: Pipeline, signal: AbortSignal): Promise<Pipeline> {
  try {
    const [serving, training] = await Promise.all([getServing(signal), getTraining(signal)]);
    const model = await servedModel(serving.current, known.model, signal);
    return { contact: "ok", problem: null, model, training };
  } catch (error) {
    signal.throwIfAborted();
    return { ...known, contact: "lost", problem: describe(error) };
  }
}

async function servedModel(
  current: number | null,
  known: Model | null,
  signal: AbortSignal,
): Promise<Model | null> {
  if (current === null) {
    return null;
  }
  return current === known?.version ? known : await getModel(current, signal);
}

function describe(error: unknown): string {
  if (error instanceof ApiError && error.code === "malformed") {
    return `The server's answer cannot be read: ${error.message}.`;
  }
  if (error instanceof ApiError) {
    return error.message;
  }
  throw error;
}

/** Milliseconds until the next question: soon while something is about to change. */
export function pause({ contact, model, training }: Pipeline, hidden: boolean): number {
  if (hidden) {
    return HIDDEN_MILLISECONDS;
  }
  if (contact === "ok" && newsOf(training).kind === "running") {
    return TRAINING_MILLISECONDS;
  }
  return contact === "ok" && model !== null ? IDLE_MILLISECONDS : WAITING_MILLISECONDS;
}
