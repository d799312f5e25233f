import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Signs texts with a secret (HMAC-SHA-256, RFC 2104). */
export class Signer {
  /** Without a secret: one of its own, so that signatures are valid while this process runs. */
  constructor(private readonly secret: Uint8Array = randomBytes(32)) {}

  sign(text: string): string {
    return createHmac("sha256", this.secret).update(text).digest("base64url");
  }

  /** Whether a signature belongs to a text. Takes the same time wherever they differ. */
  verify(text: string, signature: string): boolean {
    const [expected, given] = [this.sign(text), signature].map((one) => Buffer.from(one));
    return expected!.length === given!.length && timingSafeEqual(expected!, given!);
  }
}
