// The parts of browsers' types that are used, so that the library's declarations compile in projects without the DOM's.

/** A `FileSystemFileHandle`. */
export interface FileHandle {
  /** Tells it from a folder. */
  readonly kind: "file";
  /** Name of the file. */
  readonly name: string;
  /** Gives the file as it is now. */
  getFile(): Promise<File>;
}

/** A `FileSystemDirectoryHandle`. */
export interface FolderHandle {
  /** Tells it from a file. */
  readonly kind: "directory";
  /** Name of the folder. */
  readonly name: string;
  /** Gives a file in it. */
  getFileHandle(name: string): Promise<FileHandle>;
  /** Gives a folder in it. */
  getDirectoryHandle(name: string): Promise<FolderHandle>;
  /** Lists its files and folders. */
  values(): AsyncIterable<Pick<FileHandle | FolderHandle, "kind" | "name">>;
}

/** A `FileSystemEntry` of a drop. */
export interface DroppedEntry {
  /** Name of the file or folder. */
  readonly name: string;
  /** Tells a folder from a file. */
  readonly isDirectory: boolean;
}

/** A `DataTransferItem`. */
export interface DroppedItem {
  /** `file` for files and folders. */
  readonly kind: string;
  /** The file; null for a text. */
  getAsFile(): File | null;
  /** The file or folder; null for a text. */
  webkitGetAsEntry(): DroppedEntry | null;
  /** The same with a handle. Only Chromium has it. */
  getAsFileSystemHandle?(): Promise<FileHandle | FolderHandle | null>;
}
