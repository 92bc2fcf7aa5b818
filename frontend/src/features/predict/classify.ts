import { predict, type Prediction } from "../../api/predictions.ts";
import { ApiError } from "../../api/request.ts";
import { problemOf } from "./problems.ts";
import type { Picture } from "./pictures.ts";

const TRIES = 4;
const PASSING = ["busy", "no_model", "timeout"];
const LONGEST_WAIT_SECONDS = 30;

/** What came of a picture. */
export type Outcome =
  | { readonly kind: "done"; readonly prediction: Prediction }
  | { readonly kind: "failed"; readonly problem: string };

/** Classifies a picture; waits and tries again while the server is busy. Rejects when aborted. */
export async function classify(
  picture: Picture,
  onWait: () => void,
  signal: AbortSignal,
): Promise<Outcome> {
  let bytes = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      const content = await picture.load(signal);
      bytes = content.size;
      return { kind: "done", prediction: await predict(content, picture.name, signal) };
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      if (tries === TRIES || !PASSING.includes(error.code)) {
        return { kind: "failed", problem: problemOf(error, bytes) };
      }
      onWait();
      await sleep(Math.min(error.retryAfter ?? tries, LONGEST_WAIT_SECONDS), signal);
    }
  }
}

function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
