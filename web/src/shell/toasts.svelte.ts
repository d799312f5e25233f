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

/** What keeps a message. */
type Holder = "pointer" | "focus";

/** The short messages on the page, oldest first. */
export class Toasts {
  list: readonly Toast[] = $state.raw([]);
  #next = 1;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  /** What is in each message. */
  readonly #holders = new Map<number, ReadonlySet<Holder>>();

  show(message: string, action?: Toast["action"]): void {
    const toast = { id: this.#next++, message, action };
    this.list = [...this.list, toast].slice(-MOST);
    this.#count(toast);
  }

  dismiss({ id }: Toast): void {
    this.list = this.list.filter((toast) => toast.id !== id);
    this.#holders.delete(id);
    this.#stop(id);
  }

  /** Keeps a message while the pointer or the focus is in it. */
  hold({ id }: Toast, by: Holder): void {
    this.#holders.set(id, new Set([...(this.#holders.get(id) ?? []), by]));
    this.#stop(id);
  }

  /** Counts its time anew, once neither is in it. */
  release(toast: Toast, by: Holder): void {
    const others = [...(this.#holders.get(toast.id) ?? [])].filter((holder) => holder !== by);
    this.#holders.set(toast.id, new Set(others));
    if (others.length === 0 && this.list.includes(toast)) this.#count(toast);
  }

  #count(toast: Toast): void {
    this.#stop(toast.id);
    const time = toast.action ? SHOWN_WITH_ACTION_MS : SHOWN_MS;
    this.#timers.set(
      toast.id,
      setTimeout(() => {
        this.dismiss(toast);
      }, time),
    );
  }

  #stop(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }
}
