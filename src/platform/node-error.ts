import process from "node:process";
import type { Dalle2ErrorOptions } from "./dalle2-error.js";
import { FileError } from "./errors.js";

/** True for an error of the operating system, which has a code. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "errno" in error && "syscall" in error;
}

/** A FileError for a failed operation, with plain words for the most common causes. */
export function fileError(file: string, problem: string, cause: unknown): FileError {
  if (!isSystemError(cause)) return new FileError(file, problem, { cause });
  const { reason, ...options } = known(cause);
  return new FileError(file, `${problem}: ${reason}`, { ...options, cause });
}

const MAKE_ROOM = { code: "file/no-space", advice: "free some space, or choose a folder on another disk" } as const;

function known({ code, message }: NodeJS.ErrnoException): Dalle2ErrorOptions & { readonly reason: string } {
  switch (code) {
    case "ENOENT": {
      const advice = `a relative path starts from ${process.cwd()}`;
      return { reason: "no such file or folder", code: "file/not-found", advice };
    }
    case "EISDIR":
      return { reason: "it is a folder", advice: "name a file in it" };
    case "ENOTDIR":
      return { reason: "a part of its path is a file, not a folder", advice: "check the path" };
    case "EROFS":
      return { reason: "the disk can only be read", advice: "choose a folder on another disk" };
    case "EACCES":
    case "EPERM":
      return { reason: message, code: "file/access-refused" };
    case "ENOSPC":
      return { reason: "the disk is full", ...MAKE_ROOM };
    case "EDQUOT":
      return { reason: "your quota on this disk is used up", ...MAKE_ROOM };
    default:
      return { reason: message };
  }
}
