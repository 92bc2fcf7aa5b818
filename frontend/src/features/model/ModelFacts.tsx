import type { Dataset, Model } from "../../api/models.ts";
import { count, percent } from "../../ui/format.ts";
import { Moment } from "../../ui/Moment.tsx";
import styles from "./ModelFacts.module.css";

const MOST_LABELS = 30;

/** Which model answers, when and on what it was trained, and how good it is. */
export function ModelFacts({ model }: { readonly model: Model }) {
  const { name, version, created, labels, accuracy, dataset } = model;
  return (
    <section aria-labelledby="model">
      <h2 id="model">About the model</h2>
      <dl className={styles["facts"]}>
        <dt>Model</dt>
        <dd>
          {name}, version {version}
        </dd>
        <dt>Trained</dt>
        <dd>
          <Moment at={created} />
        </dd>
        <dt>Accuracy</dt>
        <dd>
          {percent(accuracy)} on {count(dataset.test)} images that it never saw in training
        </dd>
        <dt>Trained on</dt>
        <dd>{describe(dataset)}</dd>
        <dt>Classes</dt>
        <dd>{listed(labels)}</dd>
        {Boolean(dataset.attribution) && (
          <>
            <dt>Attribution</dt>
            <dd>{dataset.attribution}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

function listed(labels: readonly string[]): string {
  const others = labels.length - MOST_LABELS;
  const shown = labels.slice(0, MOST_LABELS).join(", ");
  return others > 0 ? `${shown} and ${count(others)} more` : shown;
}

function describe({ name, train, val, test }: Dataset): string {
  const all = count(train + val + test);
  return `${name}: ${all} images (${count(train)} to learn from, ${count(val)} to check, ${count(test)} to test)`;
}
