import { FormatError } from "../errors.js";
import type { Call } from "./pickle-calls.js";
import { PythonName } from "./pickle-values.js";

/** Longest name that is checked. Names of Python's own modules have at most 40 characters. */
const MAX_NAME = 200;

const SYSTEM =
  "system|popen[234]?|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|fork|forkpty|startfile|remove|removedirs|unlink|rmdir|rename|renames|replace|kill|killpg|abort|_exit|putenv|unsetenv|chmod|chown|lchown|chroot|chdir|link|symlink|truncate|open|fdopen|write|mkfifo|dup2|set[gu]id";

/**
 * Python functions that run code or commands, load libraries, change files or open connections, by module. No trainer saves
 * a call of one. Other names in the modules, mostly data classes, are harmless, and so are all other modules.
 */
const ATTACKS: ReadonlyMap<string, RegExp> = new Map(
  Object.entries({
    builtins:
      "eval|exec|execfile|compile|open|file|input|raw_input|__import__|breakpoint|globals|locals|vars|setattr|delattr|apply|reload",
    os: SYSTEM,
    posix: SYSTEM,
    nt: SYSTEM,
    sys: "exit|settrace|setprofile|call_tracing|breakpointhook|addaudithook",
    subprocess: "Popen|run|call|check_call|check_output|getoutput|getstatusoutput",
    _posixsubprocess: "fork_exec",
    "multiprocessing.util": "spawnv_passfds|_exit_function",
    commands: "getoutput|getstatusoutput|getstatus",
    popen2: "popen[234]|Popen[34]",
    pty: "spawn|fork",
    platform: "popen|_syscmd_\\w+",
    shutil: "rmtree|move|copy|copy2|copyfile|copytree|copymode|chown|make_archive|unpack_archive",
    socket: "socket|create_connection|create_server|socketpair|fromfd",
    ctypes:
      "CDLL|WinDLL|OleDLL|PyDLL|LibraryLoader|cdll|windll|oledll|pydll|CFUNCTYPE|PYFUNCTYPE|memmove|memset|string_at",
    _ctypes: "dlopen|LoadLibrary|call_function|call_cdeclfunction|PyObj_FromPtr",
    "ctypes.util": "find_library|_get_soname|_findLib_\\w+",
    cffi: "FFI",
    importlib: "import_module|__import__|reload",
    "importlib._bootstrap": "_gcd_import|_load|_exec",
    "importlib.machinery": "SourceFileLoader|SourcelessFileLoader|ExtensionFileLoader",
    "importlib.util": "spec_from_file_location|module_from_spec",
    imp: "load_module|load_source|load_dynamic|load_compiled|load_package",
    pkgutil: "resolve_name|get_loader|find_loader",
    zipimport: "zipimporter",
    runpy: "run_module|run_path|_run_code|_run_module_code|_run_module_as_main",
    code: "interact|InteractiveConsole|InteractiveInterpreter",
    codeop: "compile_command|Compile|CommandCompiler",
    "test.support.script_helper": "assert_python_ok|spawn_python",
    timeit: "timeit|repeat|Timer|main",
    cProfile: "run|runctx|Profile",
    profile: "run|runctx|Profile",
    trace: "Trace",
    pdb: "run|runeval|runcall|runctx|set_trace|Pdb",
    bdb: "Bdb",
    doctest: "debug_script|testmod|testfile|debug",
    pydoc: "pipepager|tempfilepager|locate|safeimport|importfile|writedoc",
    webbrowser: "open|open_new|open_new_tab|get|register|BackgroundBrowser|GenericBrowser",
    pip: "main",
    "pip._internal": "main",
    venv: "create|EnvBuilder",
    ensurepip: "bootstrap|_run_pip",
    "distutils.spawn": "spawn",
    "distutils.file_util": "write_file|copy_file|move_file",
    "setuptools.sandbox": "run_setup|execfile",
    antigravity: "\\w+",
    marshal: "loads?",
    pickle: "loads?|Unpickler",
    _pickle: "loads?|Unpickler",
    cPickle: "loads?|Unpickler",
    dill: "loads?|Unpickler|source\\.\\w+",
    cloudpickle: "loads?",
    joblib: "load",
    shelve: "open",
    torch: "load",
    "torch.serialization": "load",
    "torch.hub": "load|load_state_dict_from_url|download_url_to_file|_load_local",
    "torch.jit": "load",
    "torch._dynamo.guards": "GuardBuilder\\.get",
    "torch.jit.unsupported_tensor_ops": "execWrapper",
    "torch.utils._config_module": "ConfigModule\\.load_config|load_config",
    "torch.utils.cpp_extension": "load|load_inline",
    "torch.utils.bottleneck.__main__": "run_\\w+",
    numpy: "load|loadtxt|genfromtxt|fromfile|save|savetxt",
    "numpy.testing._private.utils": "runstring|rundocs|measure",
    "numpy.testing": "runstring|rundocs|measure",
    "numpy.f2py.crackfortran": "param_eval|myeval|getlincoef|_eval_length|_eval_scalar",
    urllib: "urlopen|urlretrieve",
    urllib2: "urlopen",
    "urllib.request": "urlopen|urlretrieve|URLopener|FancyURLopener",
    requests: "get|post|put|patch|delete|head|options|request",
    "requests.api": "get|post|put|patch|delete|head|options|request",
    httplib: "HTTPS?Connection",
    "http.client": "HTTPS?Connection",
    "http.server": "HTTPServer|ThreadingHTTPServer",
    "aiohttp.client": "request|ClientSession",
    ftplib: "FTP|FTP_TLS",
    smtplib: "SMTP|SMTP_SSL|LMTP",
    telnetlib: "Telnet",
    "xmlrpc.client": "ServerProxy",
    asyncio: "run|create_subprocess_exec|create_subprocess_shell",
    "asyncio.subprocess": "create_subprocess_exec|create_subprocess_shell",
    "asyncio.unix_events": "_UnixSubprocessTransport\\._start",
    io: "open|open_code|FileIO|TextIOWrapper",
    _io: "open|open_code|FileIO",
    codecs: "open",
    pathlib: "\\w+\\.(open|write_text|write_bytes|unlink|rmdir|rename|replace|chmod|touch|mkdir|symlink_to)",
    tempfile: "NamedTemporaryFile|TemporaryFile|mkstemp|mkdtemp",
    sqlite3: "connect",
    atexit: "register",
    threading: "Thread|Timer|_start_new_thread",
    _thread: "start_new_thread",
    signal: "signal|alarm|raise_signal",
    // Functions inside the pickle itself are called, not only made.
    types: "FunctionType\\(\\)",
    "dill._dill": "_create_function\\(\\)",
    "cloudpickle.cloudpickle": "_make_function\\(\\)",
    "IPython.core.interactiveshell": "InteractiveShell\\..+",
  }).map(([module, names]) => [module, new RegExp(`^(?:${names})$`)] as const),
);

/** Other names of the same modules. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["__builtin__", "builtins"],
  ["posixpath.os", "os"],
  ["os.os", "os"],
]);

/**
 * Throws FormatError if a pickle calls a function that only an attack would call, or passes it to one that may call it.
 * Names in a pickle are only recorded, never run; this warns the user before Python opens the file.
 */
export function refuseAttack({ type, args }: Call, source: string): void {
  // functools.partial only stores its arguments.
  const handed = type.name.startsWith("partial") ? [] : args.filter((arg) => arg instanceof PythonName);
  const attack = [type, ...handed].find(isAttack);
  if (attack)
    throw new FormatError(
      source,
      `its pickle calls ${attack.toString()}, as malicious files do; nothing was run. Do not open the file with Python`,
    );
}

function isAttack({ module, name, length }: PythonName): boolean {
  if (length > MAX_NAME) return false;
  if (matches(module, name)) return true;
  // A name may have dots and so reach what another module imported, such as `os.system` through `posixpath`.
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const owner = name.slice(0, dot);
    const rest = name.slice(dot + 1);
    if (matches(`${module}.${owner}`, rest) || matches(owner, rest)) return true;
  }
  return false;
}

function matches(module: string, name: string): boolean {
  return ATTACKS.get(ALIASES.get(module) ?? module)?.test(name) === true;
}
