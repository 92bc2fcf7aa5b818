import type { RefObject } from "react";

import { classes } from "../../ui/classes.ts";
import styles from "./Picker.module.css";
import { useIncoming } from "./useIncoming.ts";

const FORMATS = "image/jpeg,image/png,image/webp,image/gif,image/bmp";

interface Props {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly onFiles: (files: readonly File[]) => void;
}

/** Takes pictures: chosen, dropped or pasted. */
export function Picker({ input, onFiles }: Props) {
  const dragging = useIncoming(onFiles);
  return (
    <div className={classes(styles["picker"], dragging && styles["dragging"])}>
      <label className={styles["button"]}>
        Choose pictures
        <input
          ref={input}
          type="file"
          accept={FORMATS}
          multiple
          onChange={({ currentTarget }) => {
            onFiles([...(currentTarget.files ?? [])]);
            currentTarget.value = ""; // so that the same picture can be chosen again
          }}
        />
      </label>
      <p>{dragging ? "Let go to classify" : "or drop them on this page, or paste them"}</p>
    </div>
  );
}
