import { createContext } from "svelte";
import type { Engine } from "./engine/engine.js";
import { Gallery } from "./gallery/gallery.svelte.js";
import { Queue } from "./jobs/queue.svelte.js";
import type { Job } from "./jobs/job.svelte.js";
import { ModelSession } from "./models/model-session.svelte.js";
import type { Task } from "./jobs/request.js";

/** A tab of the page. */
export type Tab = Task | "history";

/** What the stage shows. */
export type Shown =
  | { readonly kind: "nothing" }
  /** All images of a job. */
  | { readonly kind: "job"; readonly job: Job }
  /** An image of the gallery. */
  | { readonly kind: "image"; readonly id: string }
  /** Two images side by side. */
  | { readonly kind: "compare"; readonly ids: readonly [string, string] };

/** What the parts of the page share. */
export class AppState {
  readonly engine: Engine;
  readonly session: ModelSession;
  readonly gallery: Gallery;
  readonly queue: Queue;
  tab: Tab = $state("create");
  shown: Shown = $state.raw({ kind: "nothing" });
  /** Whether `shown` fills the window. */
  isFullView: boolean = $state(false);

  constructor(engine: Engine) {
    this.engine = engine;
    this.session = new ModelSession(engine);
    this.gallery = new Gallery();
    this.queue = new Queue(this.session, this.gallery);
  }
}

/** The state of the page, for its components. */
export const [useApp, provideApp] = createContext<AppState>();
