import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import type { Plugin } from "vite";

/** Fails the build when all that a first visit loads is larger than `limit` bytes, gzipped. */
export function budget(limit: number): Plugin {
  return {
    name: "budget",
    apply: "build",
    writeBundle(options) {
      const bytes = gzippedBytes(options.dir ?? "dist");
      if (bytes > limit) {
        this.error(`The page is ${kilobytes(bytes)} gzipped; it may have ${kilobytes(limit)}`);
      }
      this.info(`${kilobytes(bytes)} gzipped of ${kilobytes(limit)}`);
    },
  };
}

/** The sum of the gzipped sizes of all files in a folder, in bytes. */
export function gzippedBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => gzipSync(readFileSync(join(entry.parentPath, entry.name))).length)
    .reduce((sum, bytes) => sum + bytes, 0);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
