import { createContext } from "svelte";
import type { Engine } from "./engine/engine.js";
import { Draft } from "./forms/draft.svelte.js";
import { keepDraft } from "./forms/keep-draft.svelte.js";
import { factsOf, SHAPES_FACTS } from "./forms/facts.js";
import { Gallery } from "./gallery/gallery.svelte.js";
import { Queue } from "./jobs/queue.svelte.js";
import type { Job } from "./jobs/job.svelte.js";
import { MaskEditor } from "./mask/mask-editor.svelte.js";
import { SHAPES } from "./models/model-choice.js";
import { ModelSession } from "./models/model-session.svelte.js";
import type { Task } from "./jobs/request.js";
import { browserStorage, Settings } from "./shell/settings.svelte.js";
import { Toasts } from "./shell/toasts.svelte.js";

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
  | { readonly kind: "compare"; readonly ids: readonly [string, string] }
  /** The painter of the mask (`mask/MaskPainter.svelte`). */
  | { readonly kind: "mask" };

/** What the parts of the page share. */
export class AppState {
  readonly engine: Engine;
  readonly session: ModelSession;
  readonly gallery: Gallery;
  readonly queue: Queue;
  readonly settings = new Settings(browserStorage());
  readonly toasts = new Toasts();
  /** What is entered in the forms. */
  readonly draft: Draft;
  /** The masks of images that are inpainted, and their tools. */
  readonly mask = new MaskEditor();
  tab: Tab = $state("create");
  shown: Shown = $state.raw({ kind: "nothing" });
  /** Whether `shown` fills the window. */
  isFullView: boolean = $state(false);

  constructor(engine: Engine) {
    this.engine = engine;
    this.session = new ModelSession(engine);
    this.gallery = new Gallery(engine);
    this.queue = new Queue(this.session, this.gallery);
    this.draft = new Draft({ engine, facts: () => this.#facts, modelId: () => this.session.choice.id });
    keepDraft(this.draft, localStorage);
  }

  /** The chosen model, as far as it is known. */
  readonly #facts = $derived.by(() => {
    const { model, choice } = this.session;
    if (model) return factsOf(model);
    return choice.id === SHAPES.id ? SHAPES_FACTS : undefined;
  });
}

/** The state of the page, for its components. */
export const [useApp, provideApp] = createContext<AppState>();
