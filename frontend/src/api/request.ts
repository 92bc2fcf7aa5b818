import { field, fields, ShapeError, text, type Reader } from "./shape.ts";

/** The API's error codes, and what can go wrong before there is an answer of the API. */
export type Failure = "offline" | "malformed" | (string & {});

/** A request that did not get what it asked for. */
export class ApiError extends Error {
  readonly code: Failure;
  /** How long the server asks to wait before the next try, in seconds. */
  readonly retryAfter: number | null;

  constructor(code: Failure, message: string, retryAfter: number | null = null) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** An answer's content, and the server's time when it gave it (milliseconds since 1970). */
export interface Answer<T> {
  readonly content: T;
  readonly at: number;
}

/**
 * Requests a route of the API and reads its JSON answer.
 *
 * @throws ApiError unless the answer is a success of the expected shape; the signal's reason when
 *   it aborts the request.
 */
export async function request<T>(
  route: string,
  read: Reader<T>,
  options: RequestInit & { readonly signal: AbortSignal },
): Promise<Answer<T>> {
  const response = await send(route, options);
  const body = await json(response, options.signal);
  if (!response.ok) {
    throw refusal(response, body);
  }
  try {
    return { content: read(body, "answer"), at: serverTime(response) };
  } catch (error) {
    throw error instanceof ShapeError ? new ApiError("malformed", error.message) : error;
  }
}

/** Fetches a file of the API, such as a sample picture. */
export async function requestFile(route: string, signal: AbortSignal): Promise<Blob> {
  const response = await send(route, { signal });
  if (!response.ok) {
    throw refusal(response, await json(response, signal));
  }
  return await response.blob();
}

async function send(
  route: string,
  options: RequestInit & { readonly signal: AbortSignal },
): Promise<Response> {
  try {
    return await fetch(`/api${route}`, options);
  } catch {
    options.signal.throwIfAborted();
    throw new ApiError("offline", "The server cannot be reached.");
  }
}

async function json(response: Response, signal: AbortSignal): Promise<unknown> {
  try {
    return (await response.json()) as unknown;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function refusal(response: Response, body: unknown): ApiError {
  const retryAfter = seconds(response.headers.get("Retry-After"));
  try {
    const error = field(fields(body, "answer"), "error", fields);
    return new ApiError(field(error, "code", text), field(error, "message", text), retryAfter);
  } catch {
    const status = String(response.status);
    return new ApiError(`http_${status}`, `The server answered with status ${status}.`, retryAfter);
  }
}

function seconds(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : null;
}

function serverTime(response: Response): number {
  const date = Date.parse(response.headers.get("Date") ?? "");
  return Number.isNaN(date) ? Date.now() : date;
}
