import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultServer } from "./fault-server.js";

/** A repository in the layout of Hugging Face's hub. */
export interface Repository {
  /** `org/name`. */
  readonly id: string;
  readonly revision?: string;
  readonly licence?: string;
  /** Files by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Whether the server lists the files of repositories, as the hub does and simple mirrors do not. Default true. */
  readonly hasApi?: boolean;
  /** Whether requests for large files are sent to another address, as the hub sends them. Default false. */
  readonly redirects?: boolean;
}

/** The files below a folder of this machine, by their path in it. */
export function filesBelow(folder: string): Map<string, Uint8Array> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map(({ parentPath, name }): [string, Uint8Array] => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1).replaceAll("\\", "/"), readFileSync(path)];
    }),
  );
}

/** A repository as people publish one: its models, and files that nobody here needs. */
export interface Published {
  readonly id: string;
  /** The folder of its models, with safetensors: plain ones, or of the variant fp16. */
  readonly folder: string;
  /** Which files of weights it has: plain ones and those of the variant fp16, or these alone. Default: both. */
  readonly weights?: "both" | "fp16";
  /** Default apache-2.0. */
  readonly licence?: string;
  /** Id of its prior, which its model card names. */
  readonly prior?: string;
}

/**
 * Makes a server answer as the hub does for published repositories: with model cards, redirects for large files, each file of
 * weights as safetensors and as `.bin`, the whole model in one file, and some images.
 */
export function servePublished(server: FaultServer, repositories: readonly Published[]): void {
  for (const { id, folder, weights = "both", licence = "apache-2.0", prior } of repositories) {
    const card = [
      "---",
      `license: ${licence}`,
      ...(prior === undefined ? [] : ["prior:", `- ${prior}`]),
      "---",
      "# Card",
    ];
    const files = new Map<string, Uint8Array>([
      ["README.md", Buffer.from(card.join("\n"))],
      ["images/cat.png", Buffer.alloc(5000)],
      ["model.ckpt", Buffer.alloc(5000)],
    ]);
    for (const [path, content] of filesBelow(folder)) {
      const [, base] = /^(.*?)(?:\.fp16)?\.safetensors$/.exec(path) ?? [];
      for (const published of base === undefined ? [path] : weightsFiles(base, weights)) files.set(published, content);
    }
    serveRepository(server, { id, licence, files, redirects: true });
  }
}

/** The published files of a component's weights. `base`: without variant and extension. */
function weightsFiles(base: string, weights: "both" | "fp16"): readonly string[] {
  const torchBase = base.replace(/\/model$/, "/pytorch_model");
  return (weights === "both" ? ["", ".fp16"] : [".fp16"]).flatMap((variant) => [
    `${base}${variant}.safetensors`,
    `${torchBase}${variant}.bin`,
  ]);
}

const isLarge = (path: string): boolean => /\.(?:safetensors|bin)$/.test(path);
const hex = (algorithm: string, ...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** Git's hash of a file. */
export const gitBlob = (content: Uint8Array): string => hex("sha1", `blob ${content.length}\0`, content);

/** Makes a server answer as the hub does for a repository. Replaces what it had of that repository. */
export function serveRepository(
  server: FaultServer,
  { id, revision = "main", licence, files, hasApi = true, redirects = false }: Repository,
): void {
  for (const path of [...server.files.keys()]) if (path.includes(id)) server.files.delete(path);
  const encoded = encodeURIComponent(revision);
  for (const [path, content] of files) {
    const sha256 = hex("sha256", content);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${content.length}\n`;
    const large = redirects && isLarge(path) ? `/lfs/${id}/${path}` : undefined;
    server.files.set(`/${id}/resolve/${encoded}/${path}`, { content, etag: `"${sha256}"`, redirect: large });
    if (large !== undefined) server.files.set(large, { content, etag: `"${sha256}"` });
    server.files.set(`/${id}/raw/${encoded}/${path}`, { content: isLarge(path) ? Buffer.from(pointer) : content });
  }
  if (!hasApi) return;
  const siblings = [...files].map(([rfilename, content]) => ({
    rfilename,
    size: content.length,
    blobId: gitBlob(content),
    ...(isLarge(rfilename) && { lfs: { sha256: hex("sha256", content), size: content.length, pointerSize: 134 } }),
  }));
  const answer = {
    id,
    sha: hex("sha1", ...[...files].flat()),
    tags: licence === undefined ? [] : [`license:${licence}`],
    siblings,
  };
  server.files.set(`/api/models/${id}/revision/${encoded}?blobs=true`, {
    content: Buffer.from(JSON.stringify(answer)),
  });
}
