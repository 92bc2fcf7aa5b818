import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  test: {
    css: { modules: { classNameStrategy: "non-scoped" } },
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    projects: [
      { extends: true, test: { name: "page", include: ["src/**/*.test.{ts,tsx}"], environment: "happy-dom" } },
      { extends: true, test: { name: "server", include: ["server/**/*.test.ts"], environment: "node" } },
    ],
  },
});
