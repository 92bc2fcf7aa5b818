import { request } from "./request.ts";
import { count, field, fields, fraction, list, ShapeError, text } from "./shape.ts";

export interface Guess {
  readonly label: string;
  readonly probability: number;
}

/** What a model says of one picture, the likeliest class first. */
export interface Prediction {
  readonly version: number;
  readonly top: readonly [Guess, ...Guess[]];
}

/** Sends one picture to be classified. */
export async function predict(
  picture: Blob,
  name: string,
  signal: AbortSignal,
): Promise<Prediction> {
  const body = new FormData();
  body.append("file", picture, name);
  const answer = await request("/predict", readPrediction, { method: "POST", body, signal });
  return answer.content;
}

/** Reads the answer to a request with one picture. */
export function readPrediction(value: unknown, path: string): Prediction {
  const answer = fields(value, path);
  const version = field(field(answer, "model", fields), "version", count);
  const [prediction] = field(answer, "predictions", list(fields));
  if (prediction === undefined) {
    throw new ShapeError(`${path}.predictions is empty`);
  }
  const [first, ...others] = field(prediction, "top", list(readGuess));
  if (first === undefined) {
    throw new ShapeError(`${prediction.path}.top is empty`);
  }
  return { version, top: [first, ...others] };
}

function readGuess(value: unknown, path: string): Guess {
  const guess = fields(value, path);
  return {
    label: field(guess, "label", text),
    probability: field(guess, "probability", fraction),
  };
}
