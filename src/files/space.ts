import { freeBytes, sharesQuota, spaceAdvice, writesToCopy } from "#platform";
import { FileError } from "../platform/errors.js";
import { formatBytes } from "../platform/format-bytes.js";

/** There is no room for a download, found before its first byte. */
export class QuotaError extends FileError {
  static override readonly code = "file/quota";
  override readonly name = "QuotaError";
  /** Bytes that the download needs. */
  readonly neededBytes: number;
  /** Bytes that this site may still store, or that are free on the disk. */
  readonly freeBytes: number;

  static {
    this.register(this);
  }

  constructor(location: string, neededBytes: number, free: number) {
    const copied = writesToCopy() ? " (in a page; less in a worker, which writes in place)" : "";
    super(
      location,
      `the download needs ${formatBytes(neededBytes)}${copied}, but there is room for ${formatBytes(free)}`,
      {
        advice: spaceAdvice,
      },
    );
    this.neededBytes = neededBytes;
    this.freeBytes = free;
  }
}

/** The room that the rest of a download takes, while it goes on. */
export class Reservation {
  constructor(
    private readonly folder: string,
    private readonly size: number,
    private arrivedBytes: number,
  ) {}

  /** Room that is still needed in a folder. */
  neededIn(folder: string): number {
    if (!sharesQuota && folder !== this.folder) return 0;
    // More may have arrived than the server announced.
    return needed(Math.max(0, this.size - this.arrivedBytes), this.size);
  }

  /** So many bytes of the file are there. */
  advance(arrivedBytes: number): void {
    this.arrivedBytes = arrivedBytes;
  }

  /** Ends the reservation. */
  release(): void {
    reservations.delete(this);
  }
}

const reservations = new Set<Reservation>();

/**
 * Reserves room for the rest of a download, of which `begun` bytes are there. The caller releases it. Rejects with QuotaError if it does
 * not fit into the folder beside the downloads that are going on.
 */
export async function reserveSpace(
  location: string,
  folder: string,
  begun: number,
  size: number,
): Promise<Reservation> {
  const reservation = new Reservation(folder, size, begun);
  // Before anything is awaited, so that two downloads that begin together count each other.
  reservations.add(reservation);
  try {
    const free = await freeBytes(folder);
    const others = [...reservations].filter((one) => one !== reservation);
    const taken = others.reduce((sum, one) => sum + one.neededIn(folder), 0);
    checkRoom(location, reservation.neededIn(folder), free === undefined ? undefined : Math.max(0, free - taken));
    return reservation;
  } catch (error) {
    reservation.release();
    throw error;
  }
}

/**
 * Rejects with QuotaError if the rest of downloads, `left` bytes, does not fit into a folder even alone. `largest` is the rest of
 * the largest file. Some of them may be going on already, so nothing is reserved or subtracted.
 */
export async function checkSpace(location: string, folder: string, left: number, largest: number): Promise<void> {
  checkRoom(location, needed(left, largest), await freeBytes(folder));
}

function checkRoom(location: string, bytes: number, room: number | undefined): void {
  if (room !== undefined && bytes > room) throw new QuotaError(location, bytes, room);
}

/** Near its end, a writer that copies has the file twice. */
function needed(left: number, size: number): number {
  return writesToCopy() && left > 0 ? left + size : left;
}
