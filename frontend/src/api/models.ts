import { request, requestFile } from "./request.ts";
import { count, field, fields, fileName, fraction, list, moment, optional, text } from "./shape.ts";

/** Which model the server has: `current` is the version that answers, null before the first. */
export interface Serving {
  readonly name: string;
  readonly current: number | null;
}

/** A published version: what the page tells of its manifest. */
export interface Model {
  readonly name: string;
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly labels: readonly string[];
  /** The part of the test images that it classifies correctly. */
  readonly accuracy: number;
  readonly dataset: Dataset;
  readonly samples: readonly Sample[];
}

/** What a model was trained on; `train`, `val` and `test` count images. */
export interface Dataset {
  readonly name: string;
  readonly train: number;
  readonly val: number;
  readonly test: number;
  readonly attribution: string | null;
}

/** A test image to try, published with the model, and its true label. */
export interface Sample {
  readonly file: string;
  readonly label: string;
}

export async function getServing(signal: AbortSignal): Promise<Serving> {
  return (await request("/models", readServing, { signal })).content;
}

export async function getModel(version: number, signal: AbortSignal): Promise<Model> {
  return (await request(`/models/${String(version)}`, readModel, { signal })).content;
}

/** The address of a published file, for an image element. */
export function fileAddress(version: number, file: string): string {
  return `/api${fileRoute(version, file)}`;
}

export function getFile(version: number, file: string, signal: AbortSignal): Promise<Blob> {
  return requestFile(fileRoute(version, file), signal);
}

export function readServing(value: unknown, path: string): Serving {
  const models = fields(value, path);
  return { name: field(models, "name", text), current: field(models, "current", optional(count)) };
}

export function readModel(value: unknown, path: string): Model {
  const manifest = fields(value, path);
  return {
    name: field(manifest, "name", text),
    version: field(manifest, "version", count),
    created: field(manifest, "created", moment),
    labels: field(manifest, "labels", list(text)),
    accuracy: field(field(manifest, "metrics", fields), "accuracy", fraction),
    dataset: field(manifest, "dataset", readDataset),
    samples: field(manifest, "samples", list(readSample)),
  };
}

function readDataset(value: unknown, path: string): Dataset {
  const dataset = fields(value, path);
  return {
    name: field(dataset, "name", text),
    train: field(dataset, "train", count),
    val: field(dataset, "val", count),
    test: field(dataset, "test", count),
    attribution: field(dataset, "attribution", optional(text)),
  };
}

function readSample(value: unknown, path: string): Sample {
  const sample = fields(value, path);
  return { file: field(sample, "file", fileName), label: field(sample, "label", text) };
}

function fileRoute(version: number, file: string): string {
  return `/models/${String(version)}/files/${file}`;
}
