import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { CLAIMS, ROUTES } from "./gateway.ts";
import { SECURITY_HEADERS } from "./headers.ts";

test("nginx sets the same security headers", () => {
  const { "Content-Security-Policy": policy, ...others } = SECURITY_HEADERS;
  const text = read("headers.conf");
  const set = [...text.matchAll(/^add_header (\S+) "([^"]*)" always;$/gm)];
  expect(Object.fromEntries(set.map(([, name, value]) => [name, value]))).toEqual(others);
  expect(text).toContain("add_header Content-Security-Policy $content_security_policy always;");
  expect(text).toContain(`    "" "${policy}";`);
});

test("nginx passes the same routes on", () => {
  // In PCRE `$` also matches before a newline at the end; JavaScript's `$` is PCRE's `\z`.
  const pattern = ROUTES.source.replaceAll("\\/", "/").replace(/\$$/, "\\z");
  expect(read("nginx.conf")).toContain(`location ~ ${pattern} {`);
});

test("nginx keeps the same claims back", () => {
  const emptied = [...read("proxy.conf").matchAll(/^proxy_set_header (\S+) "";$/gm)];
  expect(emptied.map(([, name]) => name?.toLowerCase())).toEqual(CLAIMS);
});

function read(name: string): string {
  return readFileSync(new URL(`../nginx/${name}`, import.meta.url), "utf8");
}
