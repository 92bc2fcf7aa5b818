import { useEffect, useState } from "react";

import { ago, dateAndTime } from "./format.ts";

const MINUTE = 60_000;

/** A moment, as how long ago it was, then in full. */
export function Moment({ at }: { readonly at: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()}>
      {ago(at, now)} <small>({dateAndTime(at)})</small>
    </time>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, MINUTE);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}
