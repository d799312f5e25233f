/** A short message that goes away by itself. */
export interface Toast {
  readonly id: number;
  readonly message: string;
  /** What one button does, such as undo. */
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
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
  readonly #timers: Partial<Record<number, ReturnType<typeof setTimeout>>> = {};

  show(message: string, action?: Toast["action"]): void {
    const toast = { id: this.#next++, message, action };
    this.list = [...this.list, toast].slice(-MOST);
    this.resume(toast);
  }

  dismiss({ id }: Toast): void {
    this.list = this.list.filter((toast) => toast.id !== id);
    this.hold({ id });
  }

  /** Keeps a message while the pointer or the focus is in it. */
  hold({ id }: Pick<Toast, "id">): void {
    clearTimeout(this.#timers[id]);
  }

  /** Counts its time anew. */
  resume(toast: Toast): void {
    this.hold(toast);
    const time = toast.action ? SHOWN_WITH_ACTION_MS : SHOWN_MS;
    this.#timers[toast.id] = setTimeout(() => {
      this.dismiss(toast);
    }, time);
  }
}
