/** How far a finger must go, and how much more to the side than up or down. */
const DISTANCE = 48;
const SIDEWAYS = 1.5;

/** An attachment: a swipe to the left goes on, to the right goes back. With two fingers the browser zooms. */
export function swipe(page: (by: 1 | -1) => void): (element: HTMLElement) => () => void {
  return (element) => {
    const controller = new AbortController();
    let start: Touch | undefined;
    element.addEventListener(
      "touchstart",
      ({ touches }) => {
        start = touches.length === 1 ? touches[0] : undefined;
      },
      { signal: controller.signal, passive: true },
    );
    element.addEventListener(
      "touchend",
      ({ changedTouches: [end] }) => {
        if (!start || !end) return;
        const x = end.clientX - start.clientX;
        if (Math.abs(x) > Math.max(DISTANCE, Math.abs(end.clientY - start.clientY) * SIDEWAYS)) page(x < 0 ? 1 : -1);
        start = undefined;
      },
      { signal: controller.signal, passive: true },
    );
    return () => {
      controller.abort();
    };
  };
}
