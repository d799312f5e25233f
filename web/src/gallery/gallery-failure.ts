import type { Failure } from "../engine/failure.js";

/** Why images are not kept, for whoever looks at the page. `outdated`: another tab has a newer version of the app. */
export function galleryFailure(error: unknown, neededBytes?: number): Failure {
  if (error === "outdated") {
    return {
      code: "gallery/outdated",
      title: "This page is outdated",
      message: "Another tab has a newer version of this page, so this one can keep no more images.",
      advice: "Save the images that you need, and reload this page.",
      remedy: undefined,
    };
  }
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "QuotaExceededError") {
    return {
      code: "gallery/quota",
      title: "The storage is full",
      message: "The image could not be saved in this browser: the storage of this site is full.",
      advice:
        "Remove images in History, or models in Downloads. The image is saved then; until then it is lost when this page is closed.",
      remedy: "free-storage",
      neededBytes,
    };
  }
  return {
    code: "gallery/unavailable",
    title: "Images are not saved",
    message: "This browser does not let the page save images.",
    advice:
      "Images stay until this page is closed: download those that you need. A private window, or blocked site data, can be the reason.",
    remedy: undefined,
  };
}
