// Generates images of texts with the included model, in a worker: the page stays free meanwhile.
import { createWorkerClient } from "dalle2-webgpu";

const [form, button, canvas, bar, status, link] = ["form", "button", "canvas", "progress", "[role=status]", "a"].map(
  (selector) => document.querySelector(selector),
);
const client = createWorkerClient();

function say(text) {
  status.textContent = text;
}

/** Shows an image of RGB bytes. */
function show({ width, height, data }) {
  const pixels = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    pixels.data.set([data[3 * i], data[3 * i + 1], data[3 * i + 2], 255], 4 * i);
  }
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** Opens the model: fetches its files, which are then in this browser, and compiles its kernels meanwhile. */
async function open() {
  const config = new URL("configs/shapes.json", document.baseURI).href;
  const manager = await client.open(config, {
    onProgress: ({ file, loadedBytes, totalBytes }) => {
      bar.value = totalBytes ? loadedBytes / totalBytes : 0;
      say(`Loading ${file} …`);
    },
  });
  await Promise.all([manager.load(), manager.warmup()]);
  const { vendor, architecture, isSoftware } = manager.gpu.adapter;
  say(isSoftware ? "No GPU found: an image takes some ten seconds." : `Ready: ${vendor} ${architecture}`);
  return manager;
}

const FEW = { priorSteps: 4, decoderSteps: [6, 2] };

async function generate(manager, { prompt, seed, steps }, signal) {
  const images = await manager.script("BasicInference").run(prompt, {
    ...(steps === "few" ? FEW : {}),
    seed: Number(seed),
    signal,
    previewEvery: 4,
    onProgress: ({ step, steps, preview, millisecondsLeft }) => {
      if (preview) show(preview[0]);
      bar.value = step / steps;
      say(`${Math.ceil(millisecondsLeft / 1000)} s left`);
    },
  });
  const image = images.get(0).get(0)[0];
  show(image);
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([await client.encodeImage(image)], { type: "image/png" }));
  link.hidden = false;
  say(`Generated with seed ${image.seed}.`);
}

/** While an image is generated, the button stops it. */
let running;

try {
  const manager = await open();
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return running.abort();
    running = new AbortController();
    button.textContent = "Stop";
    try {
      await generate(manager, Object.fromEntries(new FormData(form)), running.signal);
    } catch (error) {
      // Errors say what to do. After a lost device, the next image opens another.
      say(running.signal.aborted ? "Stopped." : error.message);
    } finally {
      running = undefined;
      button.textContent = "Generate";
    }
  });
} catch (error) {
  // Without WebGPU, for example.
  say(error.message);
}
