import type { Server } from "node:http";
import type { Socket } from "node:net";

import type { Plugin } from "vite";

const HEAD_MILLISECONDS = 10_000;
const REQUEST_MILLISECONDS = 60_000;

interface Refusal {
  readonly status: string;
  readonly code: string;
  readonly message: string;
}

const INVALID: Refusal = {
  status: "400 Bad Request",
  code: "bad_request",
  message: "The request is not valid HTTP.",
};

/** By the code of Node.js's error; the words are those of nginx/refusals.conf. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    code: "timeout",
    message: "The request did not come in time.",
  },
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    code: "head_too_large",
    message: "The request's head is too large.",
  },
};

/**
 * Ends requests that do not come in time, and tells why a request is refused before it is one, as
 * the API does. Node.js sees by itself to the size of a head and to how long a body says that it is.
 */
export function protection(): Plugin {
  return {
    name: "protection",
    configureServer(server) {
      if (server.httpServer) {
        protect(server.httpServer as Server);
      }
    },
    configurePreviewServer(server) {
      protect(server.httpServer as Server);
    },
  };
}

function protect(server: Server): void {
  server.headersTimeout = HEAD_MILLISECONDS;
  server.requestTimeout = REQUEST_MILLISECONDS;
  server.removeAllListeners("clientError"); // Vite's own, which says no more than the status
  server.on("clientError", refuse);
}

function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, code, message } = REFUSALS[error.code ?? ""] ?? INVALID;
  const body = JSON.stringify({ error: { code, message } });
  const lines = [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/json",
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    "Cache-Control: no-store",
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
