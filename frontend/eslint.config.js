import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y-x";
import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import ts from "typescript-eslint";

/** Forbids imports whose path matches, with the reason for it. */
function forbid(regex, message) {
  return { "no-restricted-imports": ["error", { patterns: [{ regex, message }] }] };
}

export default defineConfig(
  { ignores: ["dist"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [ts.configs.strictTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // an empty string counts as not set
      "@typescript-eslint/prefer-nullish-coalescing": [
        "error",
        { ignorePrimitives: { string: true } },
      ],
    },
  },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [hooks.configs.flat["recommended-latest"], a11y.configs.strict],
  },
  // Imports point one way: app -> features -> api, ui.
  {
    files: ["src/features/**"],
    rules: forbid(
      String.raw`^\.\./(?!\.\./(api|ui)/)`,
      "A feature uses api and ui; never app, nor another feature.",
    ),
  },
  {
    files: ["src/features/**/*.test.*"],
    rules: forbid(
      String.raw`^\.\./(?!\.\./(api|ui|testing)/)`,
      "A feature's tests use api, ui and testing; never app, nor another feature.",
    ),
  },
  {
    files: ["src/api/**", "src/ui/**"],
    ignores: ["**/*.test.*"],
    rules: forbid(String.raw`^\.\./`, "api and ui know nothing of the rest of the page."),
  },
  {
    files: ["server/**"],
    rules: forbid(String.raw`^\.\./`, "The server knows nothing of the page."),
  },
);
