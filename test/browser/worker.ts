// A worker of one's own: the library, and a script that ends the worker.
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { serveWorker } from "../../src/worker/serve.js";

export class Crash extends InferenceScript {
  /** Throws where nothing catches it. */
  throwLater(): Promise<never> {
    setTimeout(() => {
      throw new RangeError("thrown in the worker");
    });
    return new Promise(() => undefined);
  }

  /** Ends the worker, as the browser does if memory runs out: no event tells the page. */
  close(): Promise<never> {
    globalThis.close();
    return new Promise(() => undefined);
  }

  async loseDevice(): Promise<void> {
    const { device } = this.manager.gpu;
    device.destroy();
    await device.lost;
  }
}

serveWorker({ scripts: { Crash } });
