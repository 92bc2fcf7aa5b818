import { fileAddress, getFile, type Model, type Sample } from "../../api/models.ts";

/** A picture to classify: the user's own, or a sample of a model. */
export interface Picture {
  readonly name: string;
  /** What a sample is known to show. */
  readonly truth: string | null;
  readonly thumbnail: string | Blob;
  readonly load: (signal: AbortSignal) => Promise<Blob>;
}

export function ownPicture(file: File): Picture {
  return {
    name: file.name || "picture",
    truth: null,
    thumbnail: file,
    load: () => Promise.resolve(file),
  };
}

export function samplePicture({ version }: Model, { file, label }: Sample): Picture {
  return {
    name: file,
    truth: label,
    thumbnail: fileAddress(version, file),
    load: (signal) => getFile(version, file, signal),
  };
}
