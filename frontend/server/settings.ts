/** Where the page listens, and where it finds the API. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly backend: URL;
  /** Asked in the backend's place while that cannot be reached; null where there is none. */
  readonly unreadyBackend: URL | null;
}

/** A setting that cannot be used; its message is one line that names it. */
export class SettingsError extends Error {}

/** Reads the settings from environment variables. An empty one counts as not set. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  return {
    host: env["HOST"] || "127.0.0.1",
    port: port(env["PORT"] || "3000"),
    backend: backend("BACKEND_URL", env["BACKEND_URL"] || "http://127.0.0.1:5000"),
    unreadyBackend: optional("UNREADY_BACKEND_URL", env["UNREADY_BACKEND_URL"] || ""),
  };
}

function port(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65535) {
    throw new SettingsError(`PORT is "${text}"; give a port between 1 and 65535`);
  }
  return Number(text);
}

function optional(name: string, text: string): URL | null {
  return text === "" ? null : backend(name, text);
}

function backend(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new SettingsError(
      `${name} is "${text}"; give the API's address, such as http://127.0.0.1:5000`,
    );
  }
  return url;
}
