// Bearer tokens of keys: `dalle2_ID_SECRET`. The id is no secret; it finds the key. The secret has 256 random bits.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN = /^dalle2_([0-9a-f]{8})_[0-9a-f]{64}$/;

/** A token that was just made. It is shown once and kept nowhere. */
export interface NewToken {
  readonly id: string;
  readonly token: string;
}

/** Makes a token. */
export function newToken(): NewToken {
  const id = randomBytes(4).toString("hex");
  return { id, token: `dalle2_${id}_${randomBytes(32).toString("hex")}` };
}

/**
 * What is kept of a token. A slow hash, as for passwords, would protect nothing: nobody can try 2²⁵⁶ secrets. It would cost
 * each request tens of milliseconds, and strangers could ask for that.
 */
export function hashOfToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** The id in a token; undefined for a text of another form. */
export function idOfToken(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

/** Whether a token has this hash. Takes the same time wherever they differ. */
export function matchesHash(token: string, sha256: string): boolean {
  return timingSafeEqual(Buffer.from(hashOfToken(token), "hex"), Buffer.from(sha256, "hex"));
}
