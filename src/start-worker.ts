// In the folder of `browser-worker.js`, as the bundle of the library is, so that both find the worker beside themselves.
import { WorkerError } from "./worker/worker-error.js";
import type { WorkerLike } from "./worker/worker-like.js";

/** Starts the worker of the package. Bundlers know the form of the call, and give the worker a file of its own. */
export function startWorker(): WorkerLike {
  if (typeof Worker === "undefined") {
    throw new WorkerError("The worker could not be started: there are no Web Workers here.", {
      code: "worker/not-started",
      advice: "use the library without a worker, or pass the option worker",
    });
  }
  if (isFromElsewhere(import.meta.url))
    return startFromElsewhere(import.meta.url.replace(/[^/]*$/, "browser-worker.js"));
  return new Worker(new URL("./browser-worker.js", import.meta.url), { type: "module" });
}

/** Whether this file is from another origin than the page, such as a CDN. Browsers run workers of their page's origin only. */
function isFromElsewhere(url: string): boolean {
  return /^https?:/.test(url) && new URL(url).origin !== globalThis.location.origin;
}

/** Starts a worker of the page's origin that imports the one of another. */
function startFromElsewhere(url: string): WorkerLike {
  const script = new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  try {
    return new Worker(address, { type: "module" });
  } finally {
    // The fetch has started.
    setTimeout(() => {
      URL.revokeObjectURL(address);
    }, 60_000);
  }
}
