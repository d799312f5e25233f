import { MissingPackageError } from "../../server/load-package.js";

/** The optional packages that every server needs. */
const PACKAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  hono: () => import("hono"),
  "@hono/node-server": () => import("@hono/node-server"),
  "@hono/zod-openapi": () => import("@hono/zod-openapi"),
  pino: () => import("pino"),
  "prom-client": () => import("prom-client"),
};

/** Rejects with `MissingPackageError` that names all packages that are missing. */
export async function requireServerPackages(): Promise<void> {
  const missing: string[] = [];
  for (const [name, load] of Object.entries(PACKAGES)) {
    try {
      await load();
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
      missing.push(name);
    }
  }
  if (missing.length === 0) return;
  const message = `dalle2 serve needs packages that are not installed: ${missing.join(", ")}.`;
  throw new MissingPackageError(message, { advice: `install them: npm install ${missing.join(" ")}` });
}
