import type { KeptImage } from "./kept-image.js";

/** The images of a day. */
export interface Day {
  /** Its date. */
  readonly key: string;
  /** "Today", "Yesterday", or its date in words. */
  readonly label: string;
  readonly images: readonly KeptImage[];
}

const THIS_YEAR = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const OTHER_YEARS = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });

/** Groups images, newest first, by the days of this computer's time zone. */
export function byDay(images: readonly KeptImage[], now = new Date()): readonly Day[] {
  const days: { key: string; label: string; images: KeptImage[] }[] = [];
  for (const image of images) {
    const date = new Date(image.time);
    const key = keyOf(date);
    if (days.at(-1)?.key !== key) days.push({ key, label: labelOf(date, now), images: [] });
    days.at(-1)!.images.push(image);
  }
  return days;
}

function keyOf(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].join("-");
}

function labelOf(date: Date, now: Date): string {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (keyOf(date) === keyOf(now)) return "Today";
  if (keyOf(date) === keyOf(yesterday)) return "Yesterday";
  return (date.getFullYear() === now.getFullYear() ? THIS_YEAR : OTHER_YEARS).format(date);
}
