import type { Prediction } from "../../api/predictions.ts";
import { Bar } from "../../ui/Bar.tsx";
import { percent } from "../../ui/format.ts";
import { Picture } from "../../ui/Picture.tsx";
import styles from "./ResultCard.module.css";
import { verdict, type Result } from "./results.ts";

/** One picture, and what came of it. */
export function ResultCard({ result }: { readonly result: Result }) {
  const { picture, outcome } = result;
  return (
    <li className={styles["card"]} aria-busy={outcome.kind === "sent" || outcome.kind === "retrying"}>
      <div>
        <Picture source={picture.thumbnail} alt="" />
      </div>
      <div>
        <h3>{heading(outcome)}</h3>
        <p className={styles["name"]}>{picture.name}</p>
        <Details result={result} />
      </div>
    </li>
  );
}

function heading(outcome: Result["outcome"]): string {
  switch (outcome.kind) {
    case "sent":
      return "Classifying…";
    case "retrying":
      return "Waiting…";
    case "failed":
      return "No answer";
    case "done":
      return outcome.prediction.top[0].label;
  }
}

function Details({ result: { outcome, picture } }: { readonly result: Result }) {
  switch (outcome.kind) {
    case "sent":
      return null;
    case "retrying":
      return <p className={styles["waiting"]}>The server is busy; trying again.</p>;
    case "failed":
      return <p className={styles["problem"]}>{outcome.problem}</p>;
    case "done":
      return <Answer prediction={outcome.prediction} truth={picture.truth} />;
  }
}

interface AnswerProps {
  readonly prediction: Prediction;
  readonly truth: string | null;
}

function Answer({ prediction: { top, version }, truth }: AnswerProps) {
  const right = truth === top[0].label;
  return (
    <>
      <ol className={styles["guesses"]}>
        {top.map(({ label, probability }, index) => (
          <li key={label}>
            <span className={styles["guess"]}>
              <span>{label}</span> <span>{percent(probability)}</span>
            </span>
            <Bar fraction={probability} first={index === 0} />
          </li>
        ))}
      </ol>
      {truth !== null && (
        <p className={styles[right ? "right" : "wrong"]}>
          <span aria-hidden="true">{right ? "✓" : "✗"}</span> {verdict(top[0].label, truth)}
        </p>
      )}
      <p className="visually-hidden">By version {version} of the model.</p>
    </>
  );
}
