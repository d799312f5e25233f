import { Dalle2Error } from "../platform/dalle2-error.js";

/** The server is not started with these settings. */
export class SettingsError extends Dalle2Error {
  static override readonly code = "server/settings";
  override readonly name = "SettingsError";

  static {
    this.register(this);
  }
}
