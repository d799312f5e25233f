import type { JobFiles } from "./job-files.js";
import { decodeMessage } from "./messages.js";
import { unpackImage } from "./outcome.js";
import type { WaitingJob } from "./waiting-job.js";

/** Tells the callers of a job what a worker said. Returns true if the job is over: its outcome says how. */
export async function receiveMessage(waiting: WaitingJob, bytes: Buffer, files: JobFiles): Promise<boolean> {
  const received = await decodeMessage(bytes);
  if (!received || waiting.isOver) return false;
  const { message, preview } = received;
  switch (message.kind) {
    case "stage":
      waiting.leavePlace();
      waiting.tell(({ onStage }) => onStage?.(message.stage));
      break;
    case "progress": {
      const { progress } = message;
      waiting.tell(({ onProgress }) => onProgress?.({ ...progress, millisecondsLeft: progress.millisecondsLeft }));
      break;
    }
    case "preview":
      if (preview) waiting.tell(({ onPreview }) => onPreview?.(preview, message.index));
      break;
    case "warning":
      waiting.tell(({ onWarning }) => onWarning?.(message.message));
      break;
    case "image": {
      const image = await unpackImage(message.image, files);
      if (image) waiting.addImage(image, message.index);
      break;
    }
    case "over":
      return true;
  }
  return false;
}
