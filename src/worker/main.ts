// The worker of the package.
import { serveWorker } from "./serve.js";

serveWorker();
