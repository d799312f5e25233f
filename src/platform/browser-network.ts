import type { Platform } from "./platform.js";

export const explainFailedFetch: Platform["explainFailedFetch"] = async (url, failed) => {
  // Loaded when it is needed; without a network it may not be.
  const part = await import("./failed-fetch.js").catch(() => undefined);
  return part?.explainHere(url, failed);
};
