// Your own script: generates an image of a text. It is the example in dalle2-laion's README.
import { mkdir, writeFile } from "node:fs/promises";
import { DalleModelManager, encodeImage, InferenceScript, ModelLoadConfig, type RgbImage } from "dalle2-webgpu";

class ExampleInference extends InferenceScript {
  /** Takes a string and returns a single image. */
  async run(text: string): Promise<RgbImage> {
    const imageEmbeddingMap = await this.samplePrior([text]);
    const imageEmbedding = imageEmbeddingMap.get(0)![0]!;
    const imageMap = await this.sampleDecoder({ text: [text], imageEmbed: [imageEmbedding] });
    return imageMap.get(0)![0]!;
  }
}

const modelConfig = await ModelLoadConfig.named("shapes");
using modelManager = await DalleModelManager.create(modelConfig);
const inference = new ExampleInference(modelManager);
const image = await inference.run("a red circle on a white background");

await mkdir("output", { recursive: true });
await writeFile("output/example-inference.png", await encodeImage(image));
console.log("output/example-inference.png");
