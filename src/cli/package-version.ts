import { readFileSync } from "node:fs";
import { parseJson } from "../platform/json.js";

const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** Version of this package. */
export const PACKAGE_VERSION = (parseJson(text) as { readonly version: string }).version;
