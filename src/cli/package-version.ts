import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** Version of this package. */
export const PACKAGE_VERSION = (JSON.parse(text) as { readonly version: string }).version;
