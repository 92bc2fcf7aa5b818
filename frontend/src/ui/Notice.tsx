import type { ReactNode } from "react";

import { classes } from "./classes.ts";
import styles from "./Notice.module.css";

interface Props {
  readonly kind: "news" | "problem";
  readonly children: ReactNode;
}

/** A box with something that the user should know. */
export function Notice({ kind, children }: Props) {
  return (
    <div className={classes(styles["notice"], kind === "problem" && styles["problem"])}>
      {children}
    </div>
  );
}
