import { vi } from "vitest";

import { answer } from "./answers.ts";

type Handler = (init: RequestInit) => unknown;

/** Answers of a server: a JSON value, a Response, or a function that gives or rejects with one. */
export type Routes = Record<string, unknown>;

/** The requests that a fake server got. */
export interface Requests {
  readonly paths: readonly string[];
  /** The files of the POST requests. */
  readonly files: readonly File[];
}

/** Puts a server in the place of the network. Its routes may be changed while it runs. */
export function fakeServer(routes: Routes): Requests {
  const paths: string[] = [];
  const files: File[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    init.signal?.throwIfAborted();
    paths.push(path);
    if (init.body instanceof FormData) {
      files.push(init.body.get("file") as File);
    }
    const route = routes[path];
    if (route === undefined) {
      throw new TypeError(`no route ${path}`);
    }
    const given: unknown = typeof route === "function" ? await (route as Handler)(init) : route;
    return given instanceof Response ? given.clone() : answer(given);
  });
  return { paths, files };
}
