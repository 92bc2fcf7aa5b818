import http from "node:http";

import type { PreviewServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import { address, listen, serve } from "./testing.ts";

let backend: http.Server;
let page: PreviewServer;
let origin: string;

beforeAll(async () => {
  backend = http.createServer((_, answer) => answer.end("{}"));
  page = await serve(`http://127.0.0.1:${String(await listen(backend))}`);
  origin = address(page);
});

afterAll(async () => {
  await page.close();
  backend.close();
});

test.each(["/", "/index.html"])("%s is always asked for anew", async (path) => {
  const answer = await fetch(origin + path);
  expect(await answer.text()).toContain("the page");
  expect(answer.headers.get("Cache-Control")).toBe("no-cache");
});

test("has hashed files that are kept", async () => {
  const answer = await fetch(`${origin}/assets/app-1a2b.js`);
  expect(answer.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
});

test("is no answer to an unknown path", async () => {
  const answer = await fetch(`${origin}/nowhere`);
  expect(answer.status).toBe(404);
});

test.each(["/", "/assets/app-1a2b.js", "/nowhere", "/api/ping", "/api/nowhere"])(
  "%s has the security headers",
  async (path) => {
    const { headers } = await fetch(origin + path);
    expect(headers.get("Content-Security-Policy")).toBe(
      "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; " +
        "frame-ancestors 'none'; form-action 'self'",
    );
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("Permissions-Policy")).toContain("camera=()");
    expect(headers.get("Access-Control-Allow-Origin")).toBeNull();
  },
);
