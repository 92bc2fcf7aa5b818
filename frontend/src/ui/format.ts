/** Numbers and times in words, in the page's language. */

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const ABSOLUTE = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });
const COUNT = new Intl.NumberFormat("en");

const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** A fraction as a percentage that never claims a certainty that is not there. */
export function percent(fraction: number): string {
  if (fraction > 0 && fraction < 0.001) {
    return "<0.1%";
  }
  if (fraction > 0.999 && fraction < 1) {
    return ">99.9%";
  }
  return `${(fraction * 100).toFixed(fraction === 0 || fraction === 1 ? 0 : 1)}%`;
}

export function count(number: number): string {
  return COUNT.format(number);
}

/** How long something takes, roughly. */
export function duration(seconds: number): string {
  if (seconds < 60) {
    return `${String(Math.max(1, Math.round(seconds)))} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) {
    return `${String(minutes)} min`;
  }
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

/** How long ago a moment was; both in milliseconds since 1970. */
export function ago(moment: number, now: number): string {
  const seconds = Math.max(0, now - moment) / 1000;
  const unit = UNITS.find(([, length]) => seconds >= length);
  if (unit === undefined) {
    return "just now";
  }
  const [name, length] = unit;
  return RELATIVE.format(-Math.floor(seconds / length), name);
}

export function dateAndTime(moment: number): string {
  return ABSOLUTE.format(moment);
}
