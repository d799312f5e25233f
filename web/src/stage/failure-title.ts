/** By code of the library's error, or the part before the slash. */
const TITLES: Readonly<Record<string, string>> = {
  "gpu/unavailable": "There is no GPU to compute on",
  "gpu/device-lost": "The GPU was lost",
  "gpu/out-of-memory": "The GPU has too little memory",
  "gpu/weights-out-of-memory": "The model does not fit the GPU",
  "gpu/limit": "The GPU cannot hold that much at once",
  "file/quota": "The storage is full",
  "file/no-space": "The storage is full",
  "file/blocked": "The model could not be downloaded",
  "file/transient": "The model could not be downloaded",
  "file/not-found": "A file of the model is missing",
  "file/damaged": "A file of the model is damaged",
  "text/too-long": "The prompt is too long",
  "values/not-finite": "The numbers grew too large",
  config: "The load config is not right",
  weights: "The weights do not fit the model",
  worker: "The worker of this page stopped",
};

/** What went wrong, in a few words. */
export function failureTitle(code: string | undefined): string {
  const subject = code?.split("/")[0];
  return TITLES[code ?? ""] ?? TITLES[subject ?? ""] ?? "The image could not be generated";
}
