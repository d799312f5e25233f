// What the tests need of a browser, so that a test is written once and runs in each.

/** Runs in the page. It must not use variables of the test's file; arguments and results are JSON. */
export type PageFunction<Argument, Result> = (argument: Argument) => Result | Promise<Result>;

/** A tab. */
export interface TestPage {
  /** Errors in the console, and those that nothing caught. */
  readonly errors: readonly string[];
  open(url: string): Promise<void>;
  /** Waits until a condition in the page is true. */
  waitFor(condition: () => boolean): Promise<void>;
  evaluate<Argument, Result>(body: PageFunction<Argument, Result>, argument: Argument): Promise<Result>;
  setOffline(isOffline: boolean): Promise<void>;
  close(): Promise<void>;
}

/** A browser whose tabs share their storage. */
export interface TestBrowser {
  newPage(): Promise<TestPage>;
  /** Ends the process that works with the GPU, where there is a way to. */
  readonly crashGpu?: () => Promise<void>;
  close(): Promise<void>;
}
