import { BasicInference, DalleModelManager, encodeImage, ModelLoadConfig } from "dalle2-webgpu";

// The folder configs of the package, on the same server as the page.
const config = await ModelLoadConfig.fromJsonPath(new URL("configs/shapes.json", document.baseURI).href);
const manager = await DalleModelManager.create(config);
const images = await new BasicInference(manager).run("a red circle", { seed: 7 });
const element = document.createElement("img");
element.src = URL.createObjectURL(new Blob([await encodeImage(images.get(0).get(0)[0])]));
document.body.append(element);
