import { Countdown } from "./countdown.js";

/** A short message that goes away by itself. */
export interface Toast {
  readonly id: number;
  readonly message: string;
  /** What one button does, such as undo. */
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
  /** The time until it goes away. Hold it while the pointer or the focus is in the message. */
  readonly time: Countdown;
}

/** How long a message is shown. One with a button stays longer, so that it can be reached. */
const SHOWN_MS = 4000;
const SHOWN_WITH_ACTION_MS = 10_000;
/** Older messages give way. */
const MOST = 3;

/** The short messages on the page, oldest first. */
export class Toasts {
  list: readonly Toast[] = $state.raw([]);
  #next = 1;

  /** Shows a message. Returns it, to dismiss it before its time. */
  show(message: string, action?: Toast["action"]): Toast {
    const id = this.#next++;
    const time = new Countdown(action ? SHOWN_WITH_ACTION_MS : SHOWN_MS, () => {
      this.dismiss({ id });
    });
    const toast = { id, message, action, time };
    this.#keep([...this.list, toast].slice(-MOST));
    return toast;
  }

  dismiss({ id }: Pick<Toast, "id">): void {
    this.#keep(this.list.filter((toast) => toast.id !== id));
  }

  /** Shows these alone. The time of the others is not counted any longer. */
  #keep(toasts: readonly Toast[]): void {
    for (const toast of this.list) if (!toasts.includes(toast)) toast.time.stop();
    this.list = toasts;
  }
}
