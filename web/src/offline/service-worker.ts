// Keeps the files of the page, so that it opens without a network. Models are kept by the library.
import { cleanupOutdatedCaches, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";

/** What this needs of the scope of a service worker. */
interface Scope {
  skipWaiting(): Promise<void>;
  addEventListener(type: "message", listener: (event: MessageEvent<{ type?: string } | null>) => void): void;
}

/** Files of the build; the build sets it. */
declare const PRECACHED_FILES: PrecacheEntry[];
declare const self: Scope;

cleanupOutdatedCaches();
// What a link says of an image stands in the address of the page, which is one file.
precacheAndRoute(PRECACHED_FILES, { ignoreURLParametersMatching: [/./] });

// A new version waits until the person asks for it, or all tabs are closed.
self.addEventListener("message", ({ data }) => {
  if (data?.type === "SKIP_WAITING") void self.skipWaiting();
});
