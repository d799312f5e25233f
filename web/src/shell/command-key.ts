/** What the key for commands is called on a platform. */
export function commandKey(platform: string): string {
  return /Mac|iP(hone|ad)/.test(platform) ? "⌘" : "Ctrl";
}
