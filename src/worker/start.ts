import { WorkerError } from "./worker-error.js";
import type { WorkerLike } from "./worker-like.js";

/** Where this file is. A variable, since bundlers would treat a file that is named relative to it as one of the page. */
const here = import.meta.url;

/** Starts the worker of the package. Bundlers know the form of the last call, and give the worker a file of its own. */
export function startWorker(): WorkerLike {
  if (typeof Worker === "undefined") {
    throw new WorkerError("The worker could not be started: there are no Web Workers here.", {
      code: "worker/not-started",
      advice: "use the library without a worker, or pass the option worker",
    });
  }
  if (isFromElsewhere(here)) return startFromElsewhere(new URL("../browser-worker.js", here).href);
  return new Worker(new URL("../browser-worker.js", import.meta.url), { type: "module" });
}

/** Whether a file is from another origin than the page, such as a CDN. Browsers run only workers of their page's origin. */
function isFromElsewhere(url: string): boolean {
  return /^https?:/.test(url) && new URL(url).origin !== globalThis.location.origin;
}

/** Starts a worker of the page's origin that imports the one of another. */
function startFromElsewhere(url: string): WorkerLike {
  const script = new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  const worker = new Worker(address, { type: "module" });
  // The first message says that the worker runs, and so has its script.
  worker.addEventListener(
    "message",
    () => {
      URL.revokeObjectURL(address);
    },
    { once: true },
  );
  return worker;
}
