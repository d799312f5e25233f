import { spawn } from "node:child_process";
import process from "node:process";

/** How each system opens a URL in the browser. */
const OPENERS: Readonly<Record<string, readonly string[]>> = {
  darwin: ["open"],
  // `start` takes the first quoted text as the title of a window.
  win32: ["cmd", "/c", "start", ""],
};

/** Opens a URL in the browser of this machine. `onFailure` is called if there is none. */
export function openBrowser(url: string, onFailure: () => void): void {
  const [program, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  const child = spawn(program!, [...args, url], { stdio: "ignore", detached: true });
  child.once("error", onFailure);
  child.once("exit", (status) => {
    if (status !== 0) onFailure();
  });
  // The browser outlives the server.
  child.unref();
}
