import { createContext } from "svelte";
import type { DeviceInfo, Engine } from "./engine/engine.js";
import { failureOf, type Failure } from "./engine/failure.js";
import { Draft } from "./forms/draft.svelte.js";
import { keepDraft } from "./forms/keep-draft.svelte.js";
import { factsOf, SHAPES_FACTS } from "./forms/facts.js";
import { Gallery } from "./gallery/gallery.svelte.js";
import { Queue } from "./jobs/queue.svelte.js";
import { MaskEditor } from "./mask/mask-editor.svelte.js";
import { SHAPES } from "./models/model-choice.js";
import { ModelSession } from "./models/model-session.svelte.js";
import type { Task } from "dalle2-webgpu/requests";
import { browserStorage, Settings } from "./shell/settings.svelte.js";
import { Toasts } from "./shell/toasts.svelte.js";
import type { Shown } from "./stage/shown.js";
import { Viewer } from "./stage/viewer.svelte.js";

/** A tab of the page. */
export type Tab = Task | "history";

/** A dialog of the page. One is open at a time. */
export type DialogName = "settings" | "about" | "keys" | "models" | "storage";

/** What the parts of the page share. */
export class AppState {
  readonly engine: Engine;
  readonly session: ModelSession;
  readonly gallery: Gallery;
  readonly queue: Queue;
  readonly settings = new Settings(browserStorage());
  readonly toasts = new Toasts();
  /** What of the images is in view. */
  readonly viewer: Viewer;
  /** What is entered in the forms. */
  readonly draft: Draft;
  /** The masks of images that are inpainted, and their tools. */
  readonly mask = new MaskEditor();
  tab: Tab = $state("create");
  shown: Shown = $state.raw({ kind: "nothing" });
  /** Whether `shown` fills the window. */
  isFullView: boolean = $state(false);
  /** Whether the details of the image in view are folded out. */
  areDetailsOpen: boolean = $state(false);
  /** Which dialog is open. */
  dialog: DialogName | undefined = $state();
  /** The device that computes, once it is known. */
  device: DeviceInfo | undefined = $state.raw();
  /** Why there is no device. */
  deviceFailure: Failure | undefined = $state.raw();

  constructor(engine: Engine) {
    this.engine = engine;
    this.session = new ModelSession(engine, () => {
      const { dtype, weights } = this.settings;
      return { dtype, weights };
    });
    this.gallery = new Gallery();
    this.queue = new Queue(this.session, this.gallery);
    this.viewer = new Viewer(this);
    this.draft = new Draft({ engine, facts: () => this.#facts, modelId: () => this.session.choice.id });
    keepDraft(this.draft, browserStorage());
  }

  /** Finds out which device computes. */
  async findDevice(): Promise<void> {
    this.deviceFailure = undefined;
    try {
      this.device = await this.engine.device();
    } catch (error) {
      this.deviceFailure = failureOf(error);
    }
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
