/** What the page shows of new versions. */
export interface UpdateNotices {
  /** A new version is there. `update` reloads the page with it. */
  readonly onReady: (update: () => void) => void;
  /** Another tab changed to the new version. */
  readonly onChanged: (reload: () => void) => void;
}

/**
 * Registers the service worker, which keeps the page for when there is no network, and tells of new versions. Rejects if its
 * script cannot be loaded: the next visit then does it.
 */
export async function watchPageUpdates({ onReady, onChanged }: UpdateNotices): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const { Workbox } = await import("workbox-window");
  const workbox = new Workbox("./service-worker.js");
  const reload = (): void => {
    location.reload();
  };
  let isAsked = false;
  // Where service workers are not allowed, the page needs the network.
  const registered = workbox.register().catch(() => undefined);
  const update = async (): Promise<void> => {
    const waiting = (await registered)?.waiting;
    if (!waiting) {
      // Another tab was faster.
      reload();
      return;
    }
    isAsked = true;
    // On a first visit no service worker controls the page, so nothing tells of a new one that does.
    waiting.addEventListener("statechange", () => {
      if (waiting.state === "activated") reload();
    });
    workbox.messageSkipWaiting();
  };
  workbox.addEventListener("waiting", () => {
    onReady(() => void update());
  });
  workbox.addEventListener("controlling", ({ isUpdate, isExternal }) => {
    if (!isAsked && (isUpdate === true || isExternal === true)) onChanged(reload);
  });
}
