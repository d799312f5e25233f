import type { BrowserContext } from "playwright-core";
import type { Visit } from "./open-app.js";

/** Where the page says that there is enough memory. */
const ENOUGH = "enough-gpu-memory";

/**
 * Gives workers that start from now on a GPU whose buffers of kernels take at most `bytes`: WebGPU then reports that it is out of
 * memory. `giveMemory` ends that, as if the person had closed what took the rest.
 */
export async function limitMemory(context: BrowserContext, bytes: number): Promise<void> {
  await context.route(/browser-worker-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    const limit = `(${limitBuffers.toString()})(${JSON.stringify(bytes)}, ${JSON.stringify(ENOUGH)});\n`;
    await route.fulfill({ response, body: limit + (await response.text()) });
  });
}

/** Ends `limitMemory`. */
export async function giveMemory({ page }: Visit): Promise<void> {
  await page.evaluate((name) => {
    const channel = new BroadcastChannel(name);
    channel.postMessage("enough");
    channel.close();
  }, ENOUGH);
}

/** Runs in a worker, before its script. */
function limitBuffers(bytes: number, enough: string): void {
  let [most, taken, isRefused] = [bytes, 0, false];
  const sizes = new WeakMap<GPUBuffer, number>();
  new BroadcastChannel(enough).addEventListener("message", () => {
    most = Infinity;
  });
  const take = (buffer: GPUBuffer): void => {
    if ((buffer.usage & GPUBufferUsage.STORAGE) === 0) return;
    isRefused = taken + buffer.size > most;
    if (isRefused) return;
    taken += buffer.size;
    sizes.set(buffer, buffer.size);
  };
  GPUDevice.prototype.createBuffer = new Proxy(Reflect.get(GPUDevice.prototype, "createBuffer"), {
    apply: (create, device: GPUDevice, args: [GPUBufferDescriptor]) => {
      const buffer = create.apply(device, args);
      take(buffer);
      return buffer;
    },
  });
  GPUBuffer.prototype.destroy = new Proxy(Reflect.get(GPUBuffer.prototype, "destroy"), {
    apply: (destroy, buffer: GPUBuffer) => {
      taken -= sizes.get(buffer) ?? 0;
      sizes.delete(buffer);
      destroy.apply(buffer);
    },
  });
  // The library opens a scope for each buffer, and closes it at once.
  GPUDevice.prototype.popErrorScope = new Proxy(Reflect.get(GPUDevice.prototype, "popErrorScope"), {
    apply: async (pop, device: GPUDevice) => {
      const error = isRefused ? new GPUOutOfMemoryError("the memory of this test is full") : null;
      isRefused = false;
      return (await pop.apply(device)) ?? error;
    },
  });
}
