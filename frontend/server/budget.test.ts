import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "vite";
import { afterEach, beforeEach, expect, test } from "vitest";

import { budget } from "./budget.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "budget-"));
  await writeFile(join(root, "index.html"), '<script type="module" src="/app.js"></script>');
});

afterEach(() => rm(root, { recursive: true }));

test("a small page is built", async () => {
  await expect(buildWith("console.log(1)")).resolves.toBeDefined();
});

test("a page over its budget fails the build, with both figures", async () => {
  const incompressible = JSON.stringify(randomBytes(6000).toString("base64"));
  await expect(buildWith(`console.log(${incompressible})`)).rejects.toThrow(
    /The page is [6-9]\.\d kB gzipped; it may have 5\.0 kB/,
  );
});

async function buildWith(script: string) {
  await writeFile(join(root, "app.js"), script);
  return build({ root, configFile: false, logLevel: "silent", plugins: [budget(5000)] });
}
