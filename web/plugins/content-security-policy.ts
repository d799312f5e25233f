import type { Plugin } from "vite";

/**
 * What the page may do: run its own files alone, show images that it made, and read models from other servers. Images from
 * `data:` are in its styles.
 */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self' https: http://localhost:*",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Puts the Content-Security-Policy into built pages, for hosts that set no headers. */
export function contentSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    ],
  };
}
