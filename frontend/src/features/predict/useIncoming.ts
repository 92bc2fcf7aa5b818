import { useEffect, useEffectEvent, useState } from "react";

/**
 * Receives the files that are dropped anywhere on the page, or pasted into it.
 *
 * @returns whether files are being dragged over the page.
 */
export function useIncoming(onFiles: (files: readonly File[]) => void): boolean {
  const [dragging, setDragging] = useState(false);
  const receive = useEffectEvent((event: Event, data: DataTransfer | null) => {
    const files = [...(data?.files ?? [])];
    if (files.length > 0) {
      event.preventDefault();
      onFiles(files);
    }
  });

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const onDragOver = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes("Files") === true) {
        event.preventDefault(); // otherwise the browser opens the file in place of the page
        setDragging(true);
      }
    };
    const onDragLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) {
        setDragging(false);
      }
    };
    const onDrop = (event: DragEvent) => {
      setDragging(false);
      receive(event, event.dataTransfer);
    };
    const onPaste = (event: ClipboardEvent) => {
      receive(event, event.clipboardData);
    };
    window.addEventListener("dragover", onDragOver, { signal });
    window.addEventListener("dragleave", onDragLeave, { signal });
    window.addEventListener("drop", onDrop, { signal });
    window.addEventListener("paste", onPaste, { signal });
    return () => {
      stop.abort();
    };
  }, []);

  return dragging;
}
