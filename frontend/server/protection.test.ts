import { once } from "node:events";
import net, { type AddressInfo } from "node:net";

import type { PreviewServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import { serve } from "./testing.ts";

let page: PreviewServer;

beforeAll(async () => {
  page = await serve("http://127.0.0.1:9");
});

afterAll(async () => {
  await page.close();
});

const CHUNKED = "Transfer-Encoding: chunked\r\n";

test.each([
  ["both lengths", `Content-Length: 3\r\n${CHUNKED}`, 400, "bad_request"],
  ["two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n", 400, "bad_request"],
  ["a space before a colon", "Content-Length : 3\r\n", 400, "bad_request"],
  ["too much", `X: ${"a".repeat(20_000)}\r\n`, 431, "head_too_large"],
])("a head with %s is refused as the API does it", async (_, headers, status, code) => {
  const answer = await ask(`POST /api/predict HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} `));
  expect(head).toContain("Connection: close");
  expect(JSON.parse(body)).toMatchObject({ error: { code } });
});

test("a request that has its answer already gets no second one", async () => {
  const body = `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`;
  const answer = await ask(`POST /api/nothing HTTP/1.1\r\nHost: localhost\r\n${body}`);
  expect(answer.match(/HTTP\/1\.1 /g)?.length ?? 0).toBeLessThanOrEqual(1);
});

test("a head may take ten seconds, and a request a minute", () => {
  expect(page.httpServer).toMatchObject({ headersTimeout: 10_000, requestTimeout: 60_000 });
});

async function ask(request: string): Promise<string> {
  const { port } = page.httpServer.address() as AddressInfo;
  const client = net.connect(port, "127.0.0.1");
  let answer = "";
  client.on("data", (data) => (answer += data.toString()));
  client.on("error", () => null); // what is left of a request that is refused is not taken
  client.write(request);
  await once(client, "close");
  return answer;
}
