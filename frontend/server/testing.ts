import { rmSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createLogger, preview, type PreviewServer } from "vite";
import { vi } from "vitest";

/** Serves a small page as `vite preview` does, with the project's own configuration. */
export async function serve(backendUrl: string, unreadyUrl = ""): Promise<PreviewServer> {
  vi.stubEnv("BACKEND_URL", backendUrl);
  vi.stubEnv("UNREADY_BACKEND_URL", unreadyUrl);
  const outDir = await builtPage();
  const server = await preview({
    customLogger: createLogger("silent"),
    build: { outDir },
    preview: { port: 0 },
  });
  server.httpServer.once("close", () => {
    rmSync(outDir, { recursive: true });
  });
  return server;
}

async function builtPage(): Promise<string> {
  const dist = await mkdtemp(join(tmpdir(), "page-"));
  await mkdir(join(dist, "assets"));
  await writeFile(join(dist, "index.html"), "<!doctype html><title>the page</title>");
  await writeFile(join(dist, "assets", "app-1a2b.js"), "1");
  return dist;
}

export function address(server: PreviewServer): string {
  return `http://127.0.0.1:${String((server.httpServer.address() as AddressInfo).port)}`;
}

/** Starts a server on a free port, and returns the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
