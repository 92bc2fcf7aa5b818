import type { Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

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
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.headersTimeout = HEAD_MILLISECONDS;
  server.requestTimeout = REQUEST_MILLISECONDS;
  server.on("request", (request, answer) => answers.set(request.socket, answer));
  server.removeAllListeners("clientError"); // Vite's own, which says no more than the status
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const last = answers.get(socket);
    if (error.code === "ECONNRESET" || !socket.writable || (last && isUnderWay(last))) {
      socket.destroy();
    } else {
      refuse(error, socket);
    }
  });
}

/** Whether a refusal would be taken for a part of this answer, or for a second one. */
function isUnderWay(answer: ServerResponse): boolean {
  return answer.req.complete ? !answer.writableFinished : answer.headersSent;
}

function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
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
