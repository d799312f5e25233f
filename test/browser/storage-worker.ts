// A worker that downloads a file: workers write in place, pages to a copy.
import { openRemote } from "../../src/files/remote-file.js";
import type { RemoteFile } from "../../src/files/remote-options.js";

/** With `readsEarly`, its first bytes are read and told before it is complete. */
type Request = RemoteFile & { readonly readsEarly?: boolean };

async function download({ readsEarly: early, ...file }: Request): Promise<number> {
  const source = await openRemote(file, { patience: { attempts: 1 }, onWarning: () => undefined, early });
  if (early) postMessage({ first: await source.read(0, 1000) });
  await source.complete?.();
  const last = await source.read(source.size - 1000, 1000);
  await source.close();
  if (early) postMessage({ last });
  return source.size;
}

self.addEventListener("message", (event: MessageEvent<Request>) => {
  void download(event.data).then(
    (size) => {
      postMessage({ size });
    },
    (error: unknown) => {
      postMessage({ error: String(error) });
    },
  );
});
