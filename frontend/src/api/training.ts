import { ApiError, request } from "./request.ts";
import { count, field, fields, fraction, moment, number, oneOf, optional, text } from "./shape.ts";

export type TrainingState =
  "preparing" | "training" | "exporting" | "publishing" | "done" | "failed";

/** What the trainer does, or did last. Times are in milliseconds since 1970. */
export interface Training {
  readonly state: TrainingState;
  readonly dataset: string;
  /** Epochs finished. */
  readonly epoch: number;
  /** Epochs at most. */
  readonly epochs: number;
  /** On the validation images, after the last finished epoch. */
  readonly accuracy: number | null;
  readonly etaSeconds: number | null;
  readonly updated: number;
  readonly error: string | null;
  /** The server's time when it told this. */
  readonly asked: number;
}

/** The last training that the server knows of, or null when there was none. */
export async function getTraining(signal: AbortSignal): Promise<Training | null> {
  try {
    const { content, at } = await request("/training", readTraining, { signal });
    return { ...content, asked: at };
  } catch (error) {
    if (error instanceof ApiError && error.code === "not_found") {
      return null;
    }
    throw error;
  }
}

export function readTraining(value: unknown, path: string): Omit<Training, "asked"> {
  const training = fields(value, path);
  return {
    state: field(
      training,
      "state",
      oneOf("preparing", "training", "exporting", "publishing", "done", "failed"),
    ),
    dataset: field(training, "dataset", text),
    epoch: field(training, "epoch", count),
    epochs: field(training, "epochs", count),
    accuracy: field(field(training, "metrics", fields), "val_accuracy", optional(fraction)),
    etaSeconds: field(training, "eta_seconds", optional(number)),
    updated: field(training, "updated", moment),
    error: field(training, "error", optional(text)),
  };
}
