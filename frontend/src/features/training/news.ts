import type { Training } from "../../api/training.ts";

type Running = Exclude<Training["state"], "done" | "failed">;

/** What a user should know of the training now. */
export type News =
  | { readonly kind: "none" }
  | { readonly kind: "running"; readonly state: Running; readonly secondsLeft: number | null }
  | { readonly kind: "stalled" }
  | { readonly kind: "failed" };

/** How long a state may go without a sign of life; only training has one in every epoch. */
const SILENCE_SECONDS: Readonly<Record<Running, number>> = {
  preparing: 600,
  training: 60,
  exporting: 600,
  publishing: 600,
};

/** Compares the trainer's clock with the server's, for the user's own may be wrong. */
export function newsOf(training: Training | null): News {
  if (training === null || training.state === "done") {
    return { kind: "none" };
  }
  const { state, etaSeconds, updated, asked } = training;
  if (state === "failed") {
    return { kind: "failed" };
  }
  const silence = Math.max(0, asked - updated) / 1000;
  if (silence > SILENCE_SECONDS[state]) {
    return { kind: "stalled" };
  }
  const secondsLeft = etaSeconds === null ? null : Math.max(0, etaSeconds - silence);
  return { kind: "running", state, secondsLeft };
}
