import { percent } from "../../ui/format.ts";
import type { Outcome } from "./classify.ts";
import type { Picture } from "./pictures.ts";

/** How many results are kept. */
export const LIMIT = 50;

export interface Result {
  readonly id: number;
  readonly picture: Picture;
  /** "sent" until there is an outcome, "retrying" once the server was busy. */
  readonly outcome: Outcome | { readonly kind: "sent" | "retrying" };
}

export interface Results {
  /** Newest first. */
  readonly list: readonly Result[];
  /** The last thing that happened, in words. */
  readonly news: string;
  /** How many pictures of the last choice were left out, being more than the limit. */
  readonly skipped: number;
}

export type Action =
  | { readonly kind: "added"; readonly results: readonly Result[]; readonly skipped: number }
  | { readonly kind: "changed"; readonly id: number; readonly outcome: Result["outcome"] }
  | { readonly kind: "cleared" };

export const NO_RESULTS: Results = { list: [], news: "", skipped: 0 };

export function reduce(results: Results, action: Action): Results {
  switch (action.kind) {
    case "added":
      return {
        list: [...action.results.toReversed(), ...results.list].slice(0, LIMIT),
        news: `Classifying ${pictures(action.results.length)}.`,
        skipped: action.skipped,
      };
    case "changed":
      return change(results, action.id, action.outcome);
    case "cleared":
      return { ...NO_RESULTS, news: "Results cleared." };
  }
}

function change(results: Results, id: number, outcome: Result["outcome"]): Results {
  const old = results.list.find((result) => result.id === id);
  if (old === undefined) {
    return results;
  }
  const changed = { ...old, outcome };
  return {
    ...results,
    list: results.list.map((result) => (result === old ? changed : result)),
    news: describe(changed),
  };
}

function describe({ picture, outcome }: Result): string {
  switch (outcome.kind) {
    case "done": {
      const [best] = outcome.prediction.top;
      const truth = picture.truth === null ? "" : ` ${verdict(best.label, picture.truth)}`;
      return `${picture.name}: ${best.label}, ${percent(best.probability)}.${truth}`;
    }
    case "failed":
      return `${picture.name}: ${outcome.problem}`;
    case "retrying":
      return `${picture.name}: the server is busy, trying again.`;
    case "sent":
      return "";
  }
}

/** Compares the model's answer with what a sample is known to show. */
export function verdict(label: string, truth: string): string {
  return label === truth ? `Right: it is “${truth}”.` : `Wrong: it is “${truth}”.`;
}

function pictures(number: number): string {
  return number === 1 ? "1 picture" : `${String(number)} pictures`;
}
