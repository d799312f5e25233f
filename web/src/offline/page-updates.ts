import { Workbox } from "workbox-window";

/** What the page shows of new versions. */
export interface UpdateNotices {
  /** A new version is there. `update` reloads the page with it. */
  readonly onReady: (update: () => void) => void;
  /** Another tab changed to the new version. */
  readonly onChanged: (reload: () => void) => void;
}

/** Registers the service worker, which keeps the page for when there is no network, and tells of new versions. */
export function watchPageUpdates({ onReady, onChanged }: UpdateNotices): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const workbox = new Workbox("./service-worker.js");
  const reload = (): void => {
    location.reload();
  };
  let isAsked = false;
  workbox.addEventListener("waiting", () => {
    onReady(() => {
      isAsked = true;
      workbox.messageSkipWaiting();
    });
  });
  workbox.addEventListener("controlling", ({ isUpdate, isExternal }) => {
    if (isAsked) reload();
    else if (isUpdate === true || isExternal === true) onChanged(reload);
  });
  // Where service workers are not allowed, the page needs the network.
  workbox.register().catch(() => undefined);
}
