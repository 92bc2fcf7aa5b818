import type { Training } from "../../api/training.ts";
import { Announcement } from "../../ui/Announcement.tsx";
import { duration, percent } from "../../ui/format.ts";
import { Moment } from "../../ui/Moment.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { newsOf, type News } from "./news.ts";
import styles from "./TrainingNews.module.css";

const HEADINGS = {
  preparing: "Preparing the pictures",
  training: "A model is being trained",
  exporting: "Exporting the model",
  publishing: "Publishing the model",
  stalled: "The trainer seems to have stopped",
  failed: "The last training failed",
} as const;

/** Tells what the trainer does, while there is something to tell. */
export function TrainingNews({ training }: { readonly training: Training | null }) {
  const news = newsOf(training);
  return (
    <>
      <Announcement>{news.kind === "none" ? "" : `${heading(news)}.`}</Announcement>
      {training !== null && news.kind !== "none" && (
        <Notice kind={news.kind === "running" ? "news" : "problem"}>
          <h2>{heading(news)}</h2>
          <Body training={training} news={news} />
        </Notice>
      )}
    </>
  );
}

function heading(news: Exclude<News, { kind: "none" }>): string {
  return HEADINGS[news.kind === "running" ? news.state : news.kind];
}

function Body({ training, news }: { readonly training: Training; readonly news: News }) {
  if (news.kind === "running") {
    return <Progress training={training} secondsLeft={news.secondsLeft} />;
  }
  if (news.kind === "failed") {
    return (
      <>
        <p>{training.error ?? "The trainer gave no reason."}</p>
        <p>
          <Moment at={training.updated} />
        </p>
      </>
    );
  }
  return (
    <p>
      It was last heard of <Moment at={training.updated} />, after epoch {training.epoch} of at most{" "}
      {training.epochs}.
    </p>
  );
}

interface ProgressProps {
  readonly training: Training;
  readonly secondsLeft: number | null;
}

function Progress({ training, secondsLeft }: ProgressProps) {
  const { state, dataset, epoch, epochs, accuracy } = training;
  const countable = state === "training";
  return (
    <>
      <progress
        className={styles["progress"]}
        aria-label="Training"
        max={epochs}
        {...(countable ? { value: Math.min(epoch, epochs) } : {})}
      />
      <ul className={styles["facts"]}>
        <li>On {dataset}</li>
        {countable && (
          <li>
            Epoch {epoch} of {epochs}
          </li>
        )}
        {countable && secondsLeft !== null && <li>{duration(secondsLeft)} left at most</li>}
        {accuracy !== null && <li>Accuracy so far {percent(accuracy)}</li>}
      </ul>
    </>
  );
}
