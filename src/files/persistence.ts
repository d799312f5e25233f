// Whether the browser keeps downloads when the disk gets full. Only a page can ask; a worker lets its page do it.
import { askPersistence } from "#platform";

/** What is said if the browser, or its user, refuses. */
export const NOT_PERSISTENT =
  "The browser did not promise to keep downloads: it may remove them when the disk gets full";

let isAsked = false;
let ofPage: (() => void) | undefined;

/** Sets how a worker has its page ask. */
export function persistByPage(ask: () => void): void {
  ofPage = ask;
}

/** Asks at the first download. Nothing waits for the answer, which may be the user's; `warn` is told if it is no. */
export function askOnce(warn: (message: string) => void): void {
  if (isAsked) return;
  isAsked = true;
  const answer = askPersistence();
  if (answer) tellIfRefused(answer, warn);
  else ofPage?.();
}

/** Warns once the answer is no. */
export function tellIfRefused(answer: Promise<boolean>, warn: (message: string) => void): void {
  void answer.then((isGranted) => {
    if (!isGranted) warn(NOT_PERSISTENT);
  });
}
