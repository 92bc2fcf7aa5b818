import { useCallback, useState } from "react";

import { classes } from "./classes.ts";
import styles from "./Picture.module.css";

/** Below this many pixels a side, smoothing would only blur. */
const TINY_PIXELS = 64;

type Look = "picture" | "tiny" | "broken";

interface Props {
  /** An address, or the picture itself. */
  readonly source: string | Blob;
  readonly alt: string;
}

/** A picture in a square. Tiny ones are shown large, with their pixels. */
export function Picture({ source, alt }: Props) {
  const [look, setLook] = useState<Look>("picture");
  const show = useCallback((image: HTMLImageElement) => showIn(image, source), [source]);
  if (look === "broken") {
    return <span className={styles["picture"]}>{alt}</span>;
  }
  return (
    <img
      ref={show}
      className={classes(styles["picture"], look === "tiny" && styles["tiny"])}
      alt={alt}
      decoding="async"
      onLoad={({ currentTarget: image }) => {
        setLook(
          Math.max(image.naturalWidth, image.naturalHeight) > TINY_PIXELS ? "picture" : "tiny",
        );
      }}
      onError={() => {
        setLook("broken");
      }}
    />
  );
}

/** Shows a source in an image element; returns what frees it. */
function showIn(image: HTMLImageElement, source: string | Blob): () => void {
  if (typeof source === "string") {
    image.src = source;
    return () => undefined;
  }
  const address = URL.createObjectURL(source);
  image.src = address;
  return () => {
    URL.revokeObjectURL(address);
  };
}
