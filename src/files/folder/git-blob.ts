import { concatBytes } from "../../platform/bytes.js";

/** True if git's hash of a file with these bytes is `hash` (Git's object format, "blob"). */
export async function isGitBlob(bytes: Uint8Array, hash: string): Promise<boolean> {
  const header = new TextEncoder().encode(`blob ${bytes.length}\0`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", concatBytes([header, bytes])));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === hash.toLowerCase();
}
