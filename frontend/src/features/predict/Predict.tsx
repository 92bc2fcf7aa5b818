import { useRef } from "react";

import type { Model } from "../../api/models.ts";
import { Announcement } from "../../ui/Announcement.tsx";
import { Picker } from "./Picker.tsx";
import { ownPicture } from "./pictures.ts";
import styles from "./Predict.module.css";
import { ResultCard } from "./ResultCard.tsx";
import { LIMIT } from "./results.ts";
import { Samples } from "./Samples.tsx";
import { usePredictions } from "./usePredictions.ts";

/** Takes pictures, and shows what the model sees in them. */
export function Predict({ model }: { readonly model: Model }) {
  const { list, news, skipped, add, clear } = usePredictions();
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className={styles["predict"]}>
      <Picker
        input={input}
        onFiles={(files) => {
          add(files.map(ownPicture));
        }}
      />
      <Samples
        model={model}
        onChoose={(picture) => {
          add([picture]);
        }}
      />
      <Announcement>{news}</Announcement>
      {list.length > 0 && (
        <section aria-labelledby="results">
          <div className={styles["head"]}>
            <h2 id="results">Results</h2>
            <button
              type="button"
              className="quiet"
              onClick={() => {
                clear();
                input.current?.focus(); // the button goes, so focus needs another place
              }}
            >
              Clear results
            </button>
          </div>
          {skipped > 0 && (
            <p>
              Only the first {LIMIT} pictures were taken; {skipped} were left out.
            </p>
          )}
          <ol className={styles["results"]}>
            {list.map((result) => (
              <ResultCard key={result.id} result={result} />
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}
