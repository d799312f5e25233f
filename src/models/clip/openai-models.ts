import { ConfigError } from "../../config/config-error.js";

const HOST = "https://openaipublic.azureedge.net/clip/models";

/**
 * The models that OpenAI published (openai/CLIP, clip/clip.py): the SHA-256 of the file, which is also its folder, and its
 * name.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/clip.py#L30-L40
 */
const MODELS: ReadonlyMap<string, readonly [sha256: string, file: string]> = new Map([
  ["RN50", ["afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762", "RN50.pt"]],
  ["RN101", ["8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599", "RN101.pt"]],
  ["RN50x4", ["7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd", "RN50x4.pt"]],
  ["RN50x16", ["52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa", "RN50x16.pt"]],
  ["RN50x64", ["be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c", "RN50x64.pt"]],
  ["ViT-B/32", ["40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", "ViT-B-32.pt"]],
  ["ViT-B/16", ["5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", "ViT-B-16.pt"]],
  ["ViT-L/14", ["b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", "ViT-L-14.pt"]],
  ["ViT-L/14@336px", ["3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02", "ViT-L-14-336px.pt"]],
]);

/**
 * The URL of OpenAI's CLIP with this name, such as "ViT-L/14", and the SHA-256 of the file. Throws `ConfigError` for any
 * other name.
 */
export function openAiModelUrl(name: string): { readonly url: string; readonly sha256: string } {
  const model = MODELS.get(name);
  if (!model) {
    throw new ConfigError(
      `OpenAI published no CLIP "${name}"; its models are ${[...MODELS.keys()].join(", ")}. For another model, set its file as clip.load_model_from`,
    );
  }
  const [sha256, file] = model;
  return { url: `${HOST}/${sha256}/${file}`, sha256 };
}
