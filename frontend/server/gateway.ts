import http from "node:http";
import https from "node:https";

import type { Connect, Plugin } from "vite";

type Answer = http.ServerResponse;

/** The API's routes that the page may use; the backend's others stay inside. */
export const ROUTES = /^\/api(?<route>\/(?:predict|training|ready|ping|models(?:\/[^/]+)*))$/;

/** Connection-bound headers, which a proxy must not pass on (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Where a visitor says to come from is nothing the backend may believe. */
export const CLAIMS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
];

const CONNECT_MILLISECONDS = 2_500;
const CONTINUE_MILLISECONDS = 500;
const SILENCE_MILLISECONDS = 60_000;

/**
 * Passes `/api/<route>` on to `<backend>/<route>`. Vite's own proxy would print a stack trace for
 * each poll that finds the backend down, answer it with an empty 500, and serve the page for a
 * route that does not exist.
 *
 * While the backend cannot be reached, another is asked, if there is one: on Kubernetes a server
 * without a model, which tells how the training gets on. Predictions are not its business.
 */
export function gateway(backend: URL, unready: URL | null): Plugin {
  const handle = forward(backend, unready);
  return {
    name: "gateway",
    configureServer(server) {
      server.middlewares.use(handle);
    },
    configurePreviewServer(server) {
      server.middlewares.use(handle);
    },
  };
}

function forward(backend: URL, unready: URL | null): Connect.NextHandleFunction {
  return (request, answer, next) => {
    // Parsing resolves "..", so that what is matched is what is sent.
    const url = URL.parse(`http://page${request.url ?? "/"}`);
    if (url === null || !/^\/api(\/|$)/.test(url.pathname)) {
      next();
      return;
    }
    const route = ROUTES.exec(url.pathname)?.groups?.["route"];
    if (route === undefined) {
      refuse(answer, 404, "not_found", `There is no ${url.pathname} here.`);
      return;
    }
    const target = below(backend, route, url.search);
    if (unready !== null && mayAskAnother(request, route)) {
      const half = CONNECT_MILLISECONDS / 2;
      const substitute = below(unready, route, url.search);
      relay(request, answer, target, half, () => {
        relay(request, answer, substitute, half);
      });
    } else {
      relay(request, answer, target, CONNECT_MILLISECONDS);
    }
  };
}

function below(backend: URL, route: string, search: string): URL {
  const target = new URL(backend);
  target.pathname = backend.pathname.replace(/\/$/, "") + route;
  target.search = search;
  return target;
}

/** Whether it can be asked again: a body would be gone. */
function mayAskAnother(request: Connect.IncomingMessage, route: string): boolean {
  const { method = "" } = request;
  return ["GET", "HEAD"].includes(method) && route !== "/predict" && !hasBody(request);
}

function relay(
  request: Connect.IncomingMessage,
  answer: Answer,
  target: URL,
  connectMilliseconds: number,
  askAnother?: () => void,
): void {
  const outgoing = client(target).request(target, {
    agent: false, // a kept connection may be closed by the backend just as it is used again
    method: request.method,
    headers: {
      ...without(CLAIMS, endToEnd(request.headers)),
      host: target.host,
      connection: "close",
      ...(hasBody(request) ? { expect: "100-continue" } : {}),
    },
  });
  outgoing.on("response", (incoming) => {
    answer.writeHead(incoming.statusCode ?? 502, endToEnd(incoming.headers));
    incoming.pipe(answer);
    incoming.on("error", () => answer.destroy());
  });
  let reached = false;
  outgoing.on("socket", (socket) => socket.once("connect", () => (reached = true)));
  outgoing.on("error", () => {
    if (askAnother && !reached && !answer.closed) {
      askAnother();
    } else if (!answer.headersSent) {
      refuse(answer, 502, "bad_gateway", "The classifier's server does not answer.");
    }
  });
  // A backend may answer before it has read all; the browser must still get rid of the rest.
  outgoing.on("close", () => request.unpipe(outgoing).resume());
  limitSilence(outgoing, connectMilliseconds);
  answer.on("close", () => outgoing.destroy());
  if (hasBody(request)) {
    sendBody(request, outgoing);
  } else {
    outgoing.end();
  }
}

/**
 * Sends the body when the backend asks for it (RFC 9110, section 10.1.1). One that refuses a large
 * picture by its header alone may close the connection, and writing on would then lose its answer.
 */
function sendBody(request: Connect.IncomingMessage, outgoing: http.ClientRequest): void {
  const send = () => {
    clearTimeout(patience);
    outgoing.off("continue", send);
    request.pipe(outgoing);
  };
  const patience = setTimeout(send, CONTINUE_MILLISECONDS);
  outgoing.on("continue", send);
  outgoing.on("close", () => {
    clearTimeout(patience);
  });
}

function hasBody({ headers }: Connect.IncomingMessage): boolean {
  return "content-length" in headers || "transfer-encoding" in headers;
}

function limitSilence(outgoing: http.ClientRequest, connectMilliseconds: number): void {
  const connecting = setTimeout(() => outgoing.destroy(new Error("timeout")), connectMilliseconds);
  const connected = () => {
    clearTimeout(connecting);
  };
  outgoing.on("socket", (socket) => socket.once("connect", connected));
  outgoing.on("close", connected);
  outgoing.setTimeout(SILENCE_MILLISECONDS, () => outgoing.destroy(new Error("timeout")));
}

function client(target: URL): typeof http | typeof https {
  return target.protocol === "https:" ? https : http;
}

function endToEnd(headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  return without(HOP_BY_HOP, headers);
}

function without(names: string[], headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

function refuse(answer: Answer, status: number, code: string, message: string): void {
  answer.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  answer.end(JSON.stringify({ error: { code, message } }));
}
