import react from "@vitejs/plugin-react";
import { defineConfig, type UserConfig } from "vite";

import { budget } from "./server/budget.ts";
import { gateway } from "./server/gateway.ts";
import { headers } from "./server/headers.ts";
import { protection } from "./server/protection.ts";
import { readSettings, SettingsError } from "./server/settings.ts";

const FIRST_LOAD_BYTES = 80_000;

export default defineConfig(({ command }) => ({
  appType: "mpa", // one page: an unknown path is a 404, not the page again
  build: { assetsInlineLimit: 0 }, // the content security policy has no data: URLs
  ...(command === "build" ? { plugins: [react(), budget(FIRST_LOAD_BYTES)] } : serving()),
}));

/** Settings are read when a server starts, never at build time. */
function serving(): UserConfig {
  const { host, port, backend, unreadyBackend } = settings();
  const listen = { host, port, strictPort: true, cors: false };
  return {
    plugins: [react(), protection(), headers(), gateway(backend, unreadyBackend)],
    server: listen,
    preview: listen,
  };
}

function settings() {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) {
      throw error;
    }
    console.error(error.message);
    process.exit(2);
  }
}
