import type { FileStore } from "../results/types.js";
import { authentication, metricsAllowed } from "./authenticate.js";
import { bodyLimit, type BodyLimits } from "./body.js";
import { checkImage } from "./check-image.js";
import { createIdempotency } from "./idempotency.js";
import type { Keys } from "./keys.js";
import type { Limits } from "./limits.js";
import { originGuard, type OriginOptions } from "./origin.js";
import { requestLimit, takeImages } from "./rate-limit.js";
import type { Guard } from "./types.js";
import { UsageByOwner } from "./usage.js";

/** What a guard protects with. */
export interface GuardOptions extends OriginOptions, BodyLimits {
  /** Absent: everyone is the local owner. Only for servers on loopback. */
  readonly keys?: Keys | undefined;
  /** Limits of the local owner. Keys bring theirs. */
  readonly limits: Limits;
  /** Pixels of an uploaded image. */
  readonly maxPixels: number;
  /** Where the results of repeatable requests are kept. */
  readonly store: FileStore;
  /** Hears what does not concern the caller. */
  readonly onWarning: (message: string) => void;
  /** Milliseconds since 1970; for tests. Default: the clock of the machine. */
  readonly now?: (() => number) | undefined;
}

/** Makes the guard of a server. */
export function createGuard(options: GuardOptions): Guard {
  const { keys, limits, maxPixels, store, onWarning, now = Date.now } = options;
  const usages = new UsageByOwner(now);
  return {
    origin: originGuard(options),
    authenticate: authentication(keys, limits),
    metricsAllowed,
    limit: requestLimit(usages),
    body: bodyLimit(usages, options),
    takeImages: (c, count) => takeImages(usages, c, count),
    checkImage: (bytes, param) => {
      checkImage(bytes, param, maxPixels);
    },
    idempotency: createIdempotency({ store, onWarning, now }),
  };
}
