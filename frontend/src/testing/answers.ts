/** What the API answers, as its contract has it. */

export const MANIFEST = {
  format: 1,
  name: "digits",
  version: 3,
  created: "2026-01-02T03:04:05Z",
  input: { name: "image", dtype: "uint8", height: 32, width: 32, recipe: "stretch-bilinear-1" },
  output: { name: "probabilities" },
  labels: ["0", "1", "2"],
  metrics: {
    accuracy: 0.9916,
    validation_accuracy: 0.98,
    calibration_error: 0.01,
    temperature: 1.2,
    classes: [],
  },
  dataset: {
    name: "digits",
    sha256: "0".repeat(64),
    source: "digits",
    train: 1258,
    val: 180,
    test: 359,
    attribution: "Optical Recognition of Handwritten Digits, CC BY 4.0",
  },
  samples: [
    { file: "sample-1.png", label: "1" },
    { file: "sample-2.png", label: "2" },
  ],
  files: { "model.onnx": { bytes: 1, sha256: "0".repeat(64) } },
} as const;

export const TRAINING = {
  format: 1,
  state: "training",
  dataset: "digits",
  epoch: 7,
  epochs: 30,
  metrics: { loss: 0.2, accuracy: 0.95, val_loss: 0.3, val_accuracy: 0.94 },
  eta_seconds: 94,
  started: "2026-01-02T03:00:00Z",
  updated: "2026-01-02T03:04:05Z",
  host: "trainer",
} as const;

export const PREDICTION = {
  model: { name: "digits", version: 3 },
  predictions: [
    {
      filename: "mine.png",
      top: [
        { label: "1", probability: 0.9316 },
        { label: "2", probability: 0.0684 },
      ],
    },
  ],
  milliseconds: 4.2,
} as const;

export const NO_TRAINING = refusal(404, "not_found");

export function models(current: number | null) {
  return { name: "digits", current, versions: [] };
}

export function refusal(status: number, code: string, headers: HeadersInit = {}): Response {
  return answer({ error: { code, message: `A message about ${code}.` } }, { status, headers });
}

export function answer(body: unknown, { status = 200, headers = {} }: ResponseInit = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}
