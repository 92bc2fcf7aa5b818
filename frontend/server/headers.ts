import type { IncomingMessage, ServerResponse } from "node:http";

import type { Plugin } from "vite";

/** What a browser may do with the page: its own files, and the thumbnails it makes itself. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "img-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join("; ");

export const SECURITY_HEADERS = {
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * Sets the security headers on every answer of the built page, refusals of Vite itself included,
 * and lets browsers keep the files whose names carry their hash. The development server has
 * neither: its live reload needs inline scripts.
 */
export function headers(): Plugin {
  return {
    name: "headers",
    configurePreviewServer(server) {
      server.httpServer.prependListener("request", setHeaders);
    },
  };
}

function setHeaders(request: IncomingMessage, answer: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    answer.setHeader(name, value);
  }
  const hashed = request.url?.startsWith("/assets/") ?? false;
  answer.setHeader("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
}
