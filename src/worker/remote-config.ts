/** A load config for a worker: its name, path or URL, as for `ModelLoadConfig.open`; or its content, as for `ModelLoadConfig.parse`. */
export type RemoteConfig =
  | string
  | {
      /** Content of the config. */
      readonly data: unknown;
      /** Path or URL that its relative paths start from. Default: the working directory. */
      readonly source?: string | undefined;
    };
