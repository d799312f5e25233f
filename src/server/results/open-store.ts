import process from "node:process";
import { registerSecret } from "../../platform/secrets.js";
import { DiskStore } from "./disk-store.js";
import { MemoryStore, type MemoryBounds } from "./memory-store.js";
import { S3Store, type S3Options } from "./s3-store.js";
import { StoreError } from "./store-error.js";
import type { FileStore } from "./types.js";

/** Where results are kept. */
export interface StoreOptions extends MemoryBounds {
  /** `memory`, a folder, or `s3://BUCKET/PREFIX`. */
  readonly location: string;
  /** Of a bucket: URL of the service. Default: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or Amazon's for the region. */
  readonly s3Endpoint?: string | undefined;
  /** Of a bucket. Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, or `us-east-1`. */
  readonly s3Region?: string | undefined;
  /** Milliseconds since 1970; for tests. */
  readonly now?: (() => number) | undefined;
  /** Default: the environment of the process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Opens a store. The keys of a bucket come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. Rejects with
 * `StoreError` or `MissingPackageError`.
 */
export async function openStore(options: StoreOptions): Promise<FileStore> {
  const { location, now = Date.now } = options;
  if (location === "memory") return new MemoryStore(options, now);
  if (location.startsWith("s3://")) return S3Store.open(s3Options(options));
  try {
    return await DiskStore.open(location);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`results cannot be kept in ${location}: ${reason}`, { cause, advice: "name another folder" });
  }
}

function s3Options({ location, s3Endpoint, s3Region, env = process.env }: StoreOptions): S3Options {
  const [, bucket, path = ""] = /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])(?:\/([\w./-]*))?$/.exec(location) ?? [];
  if (bucket === undefined) {
    throw new StoreError(`${location} is not a bucket`, { advice: "write s3://BUCKET or s3://BUCKET/PREFIX" });
  }
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = env;
  if (!accessKeyId || !secretAccessKey) {
    const advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    throw new StoreError(`the keys of the bucket ${bucket} are missing`, { advice });
  }
  for (const secret of [secretAccessKey, AWS_SESSION_TOKEN ?? ""]) registerSecret(secret);
  const region = s3Region ?? firstOf(env.AWS_REGION, env.AWS_DEFAULT_REGION) ?? "us-east-1";
  const endpoint = s3Endpoint ?? firstOf(env.AWS_ENDPOINT_URL_S3, env.AWS_ENDPOINT_URL);
  return {
    bucket,
    prefix: path === "" || path.endsWith("/") ? path : `${path}/`,
    endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: firstOf(AWS_SESSION_TOKEN),
  };
}

/** The first that is set and not empty. */
function firstOf(...values: readonly (string | undefined)[]): string | undefined {
  return values.find((value) => value !== undefined && value !== "");
}
