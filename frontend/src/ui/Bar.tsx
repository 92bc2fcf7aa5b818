import styles from "./Bar.module.css";
import { classes } from "./classes.ts";

interface Props {
  /** From 0 to 1. */
  readonly fraction: number;
  readonly first: boolean;
}

/** Shows a fraction; decoration beside its percentage in text. */
export function Bar({ fraction, first }: Props) {
  return (
    <svg
      className={classes(styles["bar"], first && styles["first"])}
      viewBox="0 0 100 1"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect width={fraction * 100} height="1" />
    </svg>
  );
}
