import { createContext } from "svelte";
import type { DeviceName, Engine } from "./engine/engine.js";
import { failureOf, type Failure } from "./engine/failure.js";
import { Draft } from "./forms/draft.svelte.js";
import { keepDraft } from "./forms/keep-draft.svelte.js";
import { factsOf, SHAPES_FACTS } from "./forms/facts.js";
import { Gallery } from "./gallery/gallery.svelte.js";
import { Queue } from "./jobs/queue.svelte.js";
import { MaskEditor } from "./mask/mask-editor.svelte.js";
import { entryOf } from "./models/catalogue.js";
import { SHAPES } from "./models/model-choice.js";
import { ModelSession } from "./models/model-session.svelte.js";
import type { Task } from "dalle2-webgpu/requests";
import { browserStorage, Settings } from "./shell/settings.svelte.js";
import { Toasts } from "./shell/toasts.svelte.js";
import type { Server } from "./server/server.svelte.js";
import type { Shown } from "./stage/shown.js";
import { Viewer } from "./stage/viewer.svelte.js";

/** A tab of the page. */
export type Tab = Task | "history";

/** A dialog of the page. One is open at a time. */
export type DialogName = "settings" | "about" | "keys" | "models" | "storage";

/** What the parts of the page share. */
export class AppState {
  readonly engine: Engine;
  /** The server that this page came from, if it computes. */
  readonly server: Server | undefined;
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
  device: DeviceName | undefined = $state.raw();
  /** Why there is no device. */
  deviceFailure: Failure | undefined = $state.raw();

  /** `server` is the one that this page came from, if it computes. */
  constructor(engine: Engine, server?: Server) {
    this.engine = engine;
    this.server = server;
    this.session = new ModelSession(engine, () => {
      const { dtype, weights } = this.settings;
      return { dtype, weights };
    });
    if (server && this.isOnServer) this.session.choose(server.first);
    this.gallery = new Gallery();
    this.queue = new Queue(this.session, this.gallery);
    this.viewer = new Viewer(this);
    this.draft = new Draft({
      engine,
      facts: () => this.#facts,
      modelId: () => this.session.choice.id,
      takesHint: () => entryOf(this.session.choice.id)?.takesHint === true,
    });
    keepDraft(this.draft, browserStorage());
  }

  /** Finds out which device computes. */
  async findDevice(): Promise<void> {
    this.deviceFailure = undefined;
    const { isOnServer } = this;
    try {
      const device = await (isOnServer ? this.server?.device() : this.engine.device());
      if (isOnServer === this.isOnServer) this.device = device;
    } catch (error) {
      // What the server refuses is told where it is asked for something.
      if (!isOnServer && !this.isOnServer) this.deviceFailure = failureOf(error);
    }
  }

  /** Whether later jobs are computed by the server. */
  get isOnServer(): boolean {
    return this.server !== undefined && this.settings.computesOn === "server";
  }

  /** Changes where later jobs are computed: on the same model, if it is there. */
  computeOn(where: Settings["computesOn"]): void {
    this.settings.computesOn = where;
    this.settings.save();
    const { server, session } = this;
    const { id } = session.choice;
    session.choose(this.isOnServer && server ? server.find(id) : (entryOf(id)?.choice ?? SHAPES));
    this.device = undefined;
    void this.findDevice();
    void this.findServedModels();
  }

  /** Asks the server for its models. If it has not the chosen one, its default is chosen. */
  async findServedModels(): Promise<void> {
    const { server, session } = this;
    if (!server || !this.isOnServer) return;
    await server.refresh();
    if (this.settings.computesOn === "server" && server.failure === undefined)
      session.choose(server.find(session.choice.id));
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
