import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";

import type { PreviewServer } from "vite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { CLAIMS } from "./gateway.ts";
import { address, listen, serve } from "./testing.ts";

const seen: { method: string; url: string; body: string; headers: http.IncomingHttpHeaders }[] = [];
let backend: http.Server;
let page: PreviewServer;
let origin: string;

beforeAll(async () => {
  backend = http.createServer((request, answer) => void record(request, answer));
  const backendPort = await listen(backend);
  page = await serve(`http://127.0.0.1:${String(backendPort)}/base/`);
  origin = address(page);
});

afterAll(async () => {
  await page.close();
  backend.close();
});

describe("a route of the API", () => {
  test.each([
    ["/api/ping", "/base/ping"],
    ["/api/ready", "/base/ready"],
    ["/api/training", "/base/training"],
    ["/api/models", "/base/models"],
    ["/api/models/3/files/a%20b.png", "/base/models/3/files/a%20b.png"],
    ["/api/predict?top_k=3", "/base/predict?top_k=3"],
  ])("%s is asked of the backend without the prefix", async (path, target) => {
    const answer = await fetch(origin + path);
    expect(await answer.json()).toEqual({ seen: target });
    expect(seen.at(-1)?.url).toBe(target);
  });

  test("gets the body, its type and the backend as host", async () => {
    const init = { method: "POST", body: "pixels", headers: { "Content-Type": "image/png" } };
    await fetch(`${origin}/api/predict`, init);
    expect(seen.at(-1)).toMatchObject({ method: "POST", body: "pixels" });
    expect(seen.at(-1)?.headers).toMatchObject({
      "content-type": "image/png",
      host: `127.0.0.1:${String((backend.address() as AddressInfo).port)}`,
    });
  });

  test("gets no word of where the visitor says to come from", async () => {
    const headers = Object.fromEntries(CLAIMS.map((name) => [name, "127.0.0.1"]));
    await fetch(`${origin}/api/ping`, { headers: { ...headers, "X-Other": "kept" } });
    const names = Object.keys(seen.at(-1)?.headers ?? {});
    expect(names).toContain("x-other");
    expect(names.filter((name) => CLAIMS.includes(name))).toEqual([]);
  });

  test("gives the backend's status and headers", async () => {
    const answer = await fetch(`${origin}/api/ready?status=503`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("Retry-After")).toBe("7");
  });
});

test.each([
  "/api",
  "/api/",
  "/api/metrics",
  "/api/openapi.json",
  "/api/v2/models",
  "/api/pingpong",
  "/api/predict/more",
  "/api/models/../metrics",
  "/api/models/%2e%2e/metrics",
])("%s is refused with JSON", async (path) => {
  const before = seen.length;
  const answer = await rawGet(path);
  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "not_found" } });
  expect(seen).toHaveLength(before);
});

test("a backend that is down is a 502 with JSON, and nothing is logged", async () => {
  const lonely = await serve(await refusingUrl());
  const log = vi.spyOn(lonely.config.logger, "error");
  try {
    const answer = await fetch(`${address(lonely)}/api/models`);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: "bad_gateway" } });
    expect(log).not.toHaveBeenCalled();
  } finally {
    await lonely.close();
  }
});

describe("while the backend cannot be reached", () => {
  let lonely: PreviewServer;

  beforeAll(async () => {
    const { port } = backend.address() as AddressInfo;
    lonely = await serve(await refusingUrl(), `http://127.0.0.1:${String(port)}/unready/`);
  });

  afterAll(() => lonely.close());

  test.each(["/ping", "/ready?status=503", "/models/3/files/a%20b.png"])(
    "the one that is not ready is asked for %s",
    async (route) => {
      const answer = await fetch(`${address(lonely)}/api${route}`);
      expect(answer.status).toBe(route.endsWith("503") ? 503 : 200);
      expect(seen.at(-1)?.url).toBe(`/unready${route}`);
    },
  );

  test.each([
    ["POST", "/predict"],
    ["GET", "/predict"],
    ["POST", "/models"],
  ])("%s %s is not asked there", async (method, route) => {
    const before = seen.length;
    const answer = await fetch(`${address(lonely)}/api${route}`, { method });
    expect(answer.status).toBe(502);
    expect(seen).toHaveLength(before);
  });

  test("and the other does too, it is a 502", async () => {
    const page = await serve(await refusingUrl(), await refusingUrl());
    expect((await fetch(`${address(page)}/api/ready`)).status).toBe(502);
    await page.close();
  });
});

test("a backend that answers is asked alone", async () => {
  const { port } = backend.address() as AddressInfo;
  const url = `http://127.0.0.1:${String(port)}`;
  const page = await serve(`${url}/ready`, `${url}/unready`);
  await fetch(`${address(page)}/api/ready?status=503`);
  expect(seen.at(-1)?.url).toBe("/ready/ready?status=503");
  const broken = await fetch(`${address(page)}/api/ready?drop`);
  expect(broken.status).toBe(502);
  expect(seen.at(-1)?.url).toBe("/ready/ready?drop");
  await page.close();
});

describe("a refusal that comes before the picture is read", () => {
  const REFUSAL = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}";

  test("reaches the page, and nothing of the picture is sent", async () => {
    let received = "";
    await refuseUpload((socket) => {
      socket.on("data", (chunk) => (received += String(chunk)));
      socket.once("data", () => socket.end(REFUSAL));
    });
    expect(received).toContain("expect: 100-continue");
    expect(received).toMatch(/\r\n\r\n$/);
  });

  test("reaches the page in the middle of sending", async () => {
    await refuseUpload((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        socket.once("data", () => socket.write(REFUSAL));
      });
    });
  });

  async function refuseUpload(onConnection: (socket: net.Socket) => void): Promise<void> {
    const hasty = net.createServer(onConnection);
    const gate = await serve(`http://127.0.0.1:${String(await listen(hasty))}`);
    try {
      const request = http.request(`${address(gate)}/api/predict`, { method: "POST" });
      const sent = once(request, "finish");
      const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
      request.end(Buffer.alloc(16 * 2 ** 20));
      const [[answer]] = await Promise.all([answered, sent]);
      expect(answer.statusCode).toBe(413);
      answer.resume();
    } finally {
      await gate.close();
      hasty.close();
    }
  }
});

test("a backend that does not ask for the body gets it all the same", async () => {
  const silent = http.createServer((request, answer) => void record(request, answer));
  silent.on("checkContinue", (request: http.IncomingMessage, answer: http.ServerResponse) => {
    void record(request, answer);
  });
  const gate = await serve(`http://127.0.0.1:${String(await listen(silent))}`);
  try {
    await fetch(`${address(gate)}/api/predict`, { method: "POST", body: "pixels" });
    expect(seen.at(-1)?.body).toBe("pixels");
  } finally {
    await gate.close();
    silent.close();
  }
});

test("a backend that breaks off in the middle of an answer ends the answer", async () => {
  const answer = await fetch(`${origin}/api/training?break`);
  await expect(answer.text()).rejects.toThrow();
});

/** Where nothing listens any more. */
async function refusingUrl(): Promise<string> {
  const closed = http.createServer();
  const port = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  return `http://127.0.0.1:${String(port)}`;
}

async function record(request: http.IncomingMessage, answer: http.ServerResponse): Promise<void> {
  const { method = "", url = "", headers } = request;
  let body = "";
  for await (const chunk of request) {
    body += String(chunk);
  }
  seen.push({ method, url, body, headers });
  if (url.endsWith("?drop")) {
    answer.destroy();
    return;
  }
  if (url.endsWith("?break")) {
    answer.writeHead(200, { "Content-Length": "100" });
    answer.write("half", () => answer.destroy());
    return;
  }
  const status = url.endsWith("?status=503") ? 503 : 200;
  answer.writeHead(status, { "Content-Type": "application/json", "Retry-After": "7" });
  answer.end(JSON.stringify({ seen: url }));
}

/** Requests a path as it is written; fetch would resolve its dots first. */
function rawGet(path: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(origin, { path }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => (body += String(chunk)));
      answer.on("end", () => {
        resolve({ status: answer.statusCode, body });
      });
    });
    request.on("error", reject);
  });
}
