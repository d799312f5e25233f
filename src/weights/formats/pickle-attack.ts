import { FormatError } from "../errors.js";
import type { PythonName } from "./pickle-values.js";

/**
 * What attacks on Python call, and no trainer ever saved. Whatever a pickle names is recorded and never run; a file that
 * calls one of these is refused all the same, so that its user learns what it is before Python opens it.
 */
const ATTACKS: readonly RegExp[] = [
  /^(os|posix|nt|sys|subprocess|commands|popen2|pty|shutil|socket|ctypes|importlib|runpy|code|codeop|webbrowser|platform)\./,
  /^(__builtin__|builtins)\.(eval|exec|execfile|compile|open|file|input|__import__|breakpoint|globals|setattr|delattr|apply)$/,
  /^(pickle|_pickle|cPickle|dill|cloudpickle|marshal)\.(loads?|Unpickler)$/,
  /^(torch\.(load|hub\.load)|torch\.serialization\.load|timeit\.timeit|pdb\.run|bdb\.Bdb\.run|numpy\.testing\..*runstring)$/,
  /^(urllib|requests|http|httplib|ftplib|smtplib|asyncio\.\w+)\./,
];

/** Throws FormatError where a pickle calls what only an attack would call. */
export function refuseAttack(called: PythonName, source: string): void {
  const name = called.toString();
  if (ATTACKS.some((attack) => attack.test(name)))
    throw new FormatError(
      source,
      `its pickle calls ${name}, as malicious files do; nothing was run. Do not open it with Python`,
    );
}
