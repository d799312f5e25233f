import process from "node:process";
import { FileError } from "./errors.js";

/** True for what the operating system refused, which carries its code. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "errno" in error && "syscall" in error;
}

/** What failed with a file, in words for what users meet most. */
export function fileError(file: string, problem: string, cause: unknown): FileError {
  if (!isSystemError(cause)) return new FileError(file, problem, { cause });
  return new FileError(file, `${problem}: ${reason(cause)}`, { cause });
}

function reason({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return `no such file or folder; a relative path starts from ${process.cwd()}`;
  if (code === "EISDIR") return "it is a folder; name a file in it";
  if (code === "ENOSPC") return "the disk is full; free some space, or choose a folder on another disk";
  if (code === "EDQUOT")
    return "your quota on this disk is used up; free some space, or choose a folder on another disk";
  return message;
}
