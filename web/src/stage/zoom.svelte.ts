/** A point or a way, in CSS pixels. */
interface Point {
  readonly x: number;
  readonly y: number;
}

const MOST = 32;

/** How far views of equal size are zoomed in, and where they look: several views can share it. */
export class Zoom {
  scale: number = $state(1);
  /** How far the image is moved from the middle of its view, in CSS pixels. */
  offset: Point = $state.raw({ x: 0, y: 0 });

  get isReset(): boolean {
    return this.scale === 1;
  }

  reset(): void {
    this.scale = 1;
    this.offset = { x: 0, y: 0 };
  }

  /** Zooms by a factor. The point `at`, from the middle of the view, stays where it is. `size` is that of the view. */
  by(factor: number, at: Point, size: { readonly width: number; readonly height: number }): void {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST);
    const ratio = scale / this.scale;
    this.scale = scale;
    this.#move({ x: at.x - (at.x - this.offset.x) * ratio, y: at.y - (at.y - this.offset.y) * ratio }, size);
  }

  /** Moves the image. */
  pan({ x, y }: Point, size: { readonly width: number; readonly height: number }): void {
    this.#move({ x: this.offset.x + x, y: this.offset.y + y }, size);
  }

  /** Keeps the image over the whole view. */
  #move({ x, y }: Point, { width, height }: { readonly width: number; readonly height: number }): void {
    const most = { x: (width * (this.scale - 1)) / 2, y: (height * (this.scale - 1)) / 2 };
    this.offset = { x: Math.min(Math.max(x, -most.x), most.x), y: Math.min(Math.max(y, -most.y), most.y) };
  }
}
