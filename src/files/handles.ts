// The parts of browsers' types that are used, so that the library's declarations compile in projects without the DOM's.

/** A `FileSystemFileHandle`. */
export interface FileHandle {
  /** Tells it from a folder. */
  readonly kind: "file";
  /** Name of the file. */
  readonly name: string;
  /** The file as it is now. */
  getFile(): Promise<File>;
}

/** A `FileSystemDirectoryHandle`. */
export interface FolderHandle {
  /** Tells it from a file. */
  readonly kind: "directory";
  /** Name of the folder. */
  readonly name: string;
  /** A file in it. */
  getFileHandle(name: string): Promise<FileHandle>;
  /** A folder in it. */
  getDirectoryHandle(name: string): Promise<FolderHandle>;
  /** Its files and folders. */
  values(): AsyncIterable<Pick<FileHandle | FolderHandle, "kind" | "name">>;
}

/** A `FileSystemEntry` of a drop. */
export interface DroppedEntry {
  /** Name of the file or folder. */
  readonly name: string;
  /** Whether it is a folder. */
  readonly isDirectory: boolean;
}

/** A `DataTransferItem`. */
export interface DroppedItem {
  /** `file` for files and folders. */
  readonly kind: string;
  /** The file. */
  getAsFile(): File | null;
  /** The file or folder. */
  webkitGetAsEntry(): DroppedEntry | null;
  /** Only Chromium has it: other browsers have only entries. */
  getAsFileSystemHandle?(): Promise<FileHandle | FolderHandle | null>;
}
