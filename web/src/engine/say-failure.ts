import type { Failure } from "./failure.js";

/** Says what was wrong and what to do, in sentences. */
export function sayFailure({ message, advice = "" }: Pick<Failure, "message" | "advice">): string {
  const isSaid = message.toLowerCase().includes(advice.toLowerCase().replace(/\.$/, ""));
  return [message, isSaid ? "" : advice]
    .filter((part) => part !== "")
    .map(sentence)
    .join(" ");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
