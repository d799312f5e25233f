// The parts of browsers' types that are used, so that the library's declarations compile in projects without the DOM's.

/** A `FileSystemFileHandle`. */
export interface FileHandle {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<File>;
}

/** A `FileSystemDirectoryHandle`. */
export interface FolderHandle {
  readonly kind: "directory";
  readonly name: string;
  getFileHandle(name: string): Promise<FileHandle>;
  getDirectoryHandle(name: string): Promise<FolderHandle>;
  values(): AsyncIterable<{ readonly kind: "file" | "directory"; readonly name: string }>;
}

/** A `FileSystemEntry` of a drop. */
export interface DroppedEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** A `DataTransferItem`. */
export interface DroppedItem {
  readonly kind: string;
  getAsFile(): File | null;
  webkitGetAsEntry(): DroppedEntry | null;
  /** Only Chromium has it: other browsers have only entries. */
  getAsFileSystemHandle?(): Promise<FileHandle | FolderHandle | null>;
}
