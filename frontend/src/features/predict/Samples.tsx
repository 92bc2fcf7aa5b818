import { fileAddress, type Model } from "../../api/models.ts";
import { Picture } from "../../ui/Picture.tsx";
import { samplePicture, type Picture as Chosen } from "./pictures.ts";
import styles from "./Samples.module.css";

const MOST = 16;

interface Props {
  readonly model: Model;
  readonly onChoose: (picture: Chosen) => void;
}

/** The test images that were published with a model, to try it on. */
export function Samples({ model, onChoose }: Props) {
  if (model.samples.length === 0) {
    return null;
  }
  return (
    <section aria-labelledby="samples">
      <h2 id="samples">Or try one of these</h2>
      <ul className={styles["samples"]}>
        {model.samples.slice(0, MOST).map((sample, index) => {
          const picture = samplePicture(model, sample);
          return (
            <li key={fileAddress(model.version, sample.file)}>
              <button
                type="button"
                onClick={() => {
                  onChoose(picture);
                }}
              >
                <Picture
                  source={picture.thumbnail}
                  alt={`Sample ${String(index + 1)}: ${sample.label}`}
                />
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
