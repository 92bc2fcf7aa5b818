/**
 * Readers of untrusted JSON. Each takes a value and its path in the answer, and returns the value
 * with its type or throws a ShapeError that names the path.
 */
export class ShapeError extends Error {}

export type Reader<T> = (value: unknown, path: string) => T;

/** A JSON object's members, to be read one by one with `field`. */
export interface Fields {
  readonly path: string;
  readonly members: Readonly<Record<string, unknown>>;
}

export function fields(value: unknown, path: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ShapeError(`${path} is not an object`);
  }
  return { path, members: value as Record<string, unknown> };
}

export function field<T>({ members, path }: Fields, name: string, read: Reader<T>): T {
  return read(Object.hasOwn(members, name) ? members[name] : undefined, `${path}.${name}`);
}

export function text(value: unknown, path: string): string {
  if (typeof value !== "string") {
    throw new ShapeError(`${path} is not a string`);
  }
  return value;
}

export function number(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new ShapeError(`${path} is not a number`);
  }
  return value;
}

/** A whole number that is not negative. */
export function count(value: unknown, path: string): number {
  const whole = number(value, path);
  if (!Number.isSafeInteger(whole) || whole < 0) {
    throw new ShapeError(`${path} is not a count`);
  }
  return whole;
}

/** A number from 0 to 1. */
export function fraction(value: unknown, path: string): number {
  const part = number(value, path);
  if (part < 0 || part > 1) {
    throw new ShapeError(`${path} is not between 0 and 1`);
  }
  return part;
}

/** A moment in ISO 8601, as the number of milliseconds since 1970. */
export function moment(value: unknown, path: string): number {
  const milliseconds = Date.parse(text(value, path));
  if (Number.isNaN(milliseconds)) {
    throw new ShapeError(`${path} is not a time`);
  }
  return milliseconds;
}

/** The name of a published file: one that cannot lead out of its folder. */
export function fileName(value: unknown, path: string): string {
  const name = text(value, path);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
    throw new ShapeError(`${path} is not a file name`);
  }
  return name;
}

export function list<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) {
      throw new ShapeError(`${path} is not a list`);
    }
    return value.map((item, index) => read(item, `${path}[${String(index)}]`));
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): Reader<T> {
  return (value, path) => {
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) {
      throw new ShapeError(`${path} is none of ${choices.join(", ")}`);
    }
    return choice;
  };
}

/** Reads a value that may be null or absent, as null. */
export function optional<T>(read: Reader<T>): Reader<T | null> {
  return (value, path) => (value === undefined || value === null ? null : read(value, path));
}
