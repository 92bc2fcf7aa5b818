import { expect, test } from "vitest";

import { readSettings, SettingsError } from "./settings.ts";

test("without settings the page listens on this machine alone", () => {
  expect(readSettings({ PORT: "" })).toEqual({
    host: "127.0.0.1",
    port: 3000,
    backend: new URL("http://127.0.0.1:5000"),
    unreadyBackend: null,
  });
});

test("takes each setting from the environment", () => {
  const env = { HOST: "0.0.0.0", PORT: "8080", BACKEND_URL: "https://ml-backend:5001/x" };
  expect(readSettings({ ...env, UNREADY_BACKEND_URL: "http://unready" })).toEqual({
    host: "0.0.0.0",
    port: 8080,
    backend: new URL("https://ml-backend:5001/x"),
    unreadyBackend: new URL("http://unready"),
  });
});

test.each([
  ["PORT", "0"],
  ["PORT", "65536"],
  ["PORT", "3e3"],
  ["BACKEND_URL", "ml-backend:5000"],
  ["BACKEND_URL", "file:///etc/passwd"],
  ["BACKEND_URL", "nonsense"],
  ["UNREADY_BACKEND_URL", "unready:5000"],
])("%s=%s stops with a line that names it", (name, value) => {
  const read = () => readSettings({ [name]: value });
  expect(read).toThrow(SettingsError);
  expect(read).toThrow(`${name} is "${value}"; give `);
});
