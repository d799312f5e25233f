import { fileURLToPath } from "node:url";

/** The load config of the Shapes model, which comes with the package. */
export const SHAPES_CONFIG = fileURLToPath(new URL("../../configs/shapes.json", import.meta.url));
