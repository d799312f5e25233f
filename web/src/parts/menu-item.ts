import type { Component } from "svelte";

/** What a menu offers. */
export interface MenuItem {
  readonly id: string;
  readonly label: string;
  readonly icon?: Component | undefined;
  /** Key that does the same, for people to read. */
  readonly shortcut?: string | undefined;
  readonly isDisabled?: boolean | undefined;
  /** A line above it. */
  readonly startsGroup?: boolean | undefined;
  readonly run: () => void;
}
