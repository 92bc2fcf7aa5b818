import type { Guess, Prediction } from "../../api/predictions.ts";
import { Bar } from "../../ui/Bar.tsx";
import { percent } from "../../ui/format.ts";
import { Picture } from "../../ui/Picture.tsx";
import styles from "./ResultCard.module.css";
import { verdict, type Result } from "./results.ts";

/** One picture, and what came of it. */
export function ResultCard({ result: { picture, outcome } }: { readonly result: Result }) {
  return (
    <li className={styles["card"]}>
      <div>
        <Picture source={picture.thumbnail} alt="" />
      </div>
      <div>
        <h3>{picture.name}</h3>
        <Details outcome={outcome} truth={picture.truth} />
      </div>
    </li>
  );
}

interface DetailsProps {
  readonly outcome: Result["outcome"];
  readonly truth: string | null;
}

function Details({ outcome, truth }: DetailsProps) {
  switch (outcome.kind) {
    case "sent":
      return <p className={styles["waiting"]}>Classifying…</p>;
    case "retrying":
      return <p className={styles["waiting"]}>The server is busy; trying again.</p>;
    case "failed":
      return <p className={styles["problem"]}>{outcome.problem}</p>;
    case "done":
      return <Answer prediction={outcome.prediction} truth={truth} />;
  }
}

interface AnswerProps {
  readonly prediction: Prediction;
  readonly truth: string | null;
}

function Answer({ prediction: { top, version }, truth }: AnswerProps) {
  return (
    <>
      <ol className={styles["guesses"]}>
        {top.map((guess, index) => (
          <GuessRow key={guess.label} guess={guess} first={index === 0} />
        ))}
      </ol>
      <p className={styles["foot"]}>
        {truth !== null && <Verdict label={top[0].label} truth={truth} />}
        <span className={styles["version"]}>Version {version}</span>
      </p>
    </>
  );
}

function GuessRow({ guess, first }: { readonly guess: Guess; readonly first: boolean }) {
  return (
    <li>
      <span className={styles["guess"]}>
        <span>{guess.label}</span> <span>{percent(guess.probability)}</span>
      </span>
      <Bar fraction={guess.probability} first={first} />
    </li>
  );
}

function Verdict({ label, truth }: { readonly label: string; readonly truth: string }) {
  const right = label === truth;
  return (
    <strong className={styles[right ? "right" : "wrong"]}>
      <span aria-hidden="true">{right ? "✓" : "✗"}</span> {verdict(label, truth)}{" "}
    </strong>
  );
}
