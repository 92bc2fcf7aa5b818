import type { ApiError } from "../../api/request.ts";

/** More than the server takes unless it is told otherwise, in bytes. */
const LARGE_BYTES = 20 * 2 ** 20;

const NOT_AN_IMAGE =
  "This is not a picture that can be read. JPEG, PNG, WebP, GIF and BMP files can.";
const TOO_LARGE = "This picture is too large. Try a smaller copy of it.";

/** What remains of a refusal when the connection is closed in the middle of an upload. */
const CUT_OFF = ["offline", "bad_gateway"];

const PROBLEMS: Readonly<Record<string, string>> = {
  not_an_image: NOT_AN_IMAGE,
  unsupported_type: NOT_AN_IMAGE,
  too_large: TOO_LARGE,
  http_413: TOO_LARGE,
  no_model: "There is no model yet to classify it. Try again when one is trained.",
  model_fault: "The model fails on this picture. Try another one.",
  offline: "The picture could not be sent. Check the connection, then try again.",
  busy: "The server is too busy. Try again in a moment.",
  timeout: "The server took too long. Try again in a moment.",
  bad_gateway: "The classifier's server does not answer. Check that it runs, then try again.",
  not_found: "This picture is no longer there.",
  malformed: "The server's answer cannot be read. Reload the page, then try again.",
};

/** Tells in words why a picture of so many bytes has no answer. */
export function problemOf({ code, message }: ApiError, bytes: number): string {
  if (bytes > LARGE_BYTES && CUT_OFF.includes(code)) {
    return "The upload was cut off, probably because this picture is too large. Try a smaller copy.";
  }
  return (Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code] : undefined) ?? message;
}
