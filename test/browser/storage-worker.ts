// A worker that downloads a file: workers write in place, pages to a copy.
import { openRemote, type RemoteFile } from "../../src/files/remote-file.js";

self.addEventListener("message", (event: MessageEvent<RemoteFile>) => {
  void openRemote(event.data, { patience: { attempts: 1 }, onWarning: () => undefined }).then(
    async (source) => {
      await source.close();
      postMessage({ size: source.size });
    },
    (error: unknown) => {
      postMessage({ error: String(error) });
    },
  );
});
