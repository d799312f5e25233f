// Texts that often cause errors in programs.

/** Names with a meaning for JavaScript, file systems, terminals or servers. */
export const NASTY_NAMES = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "length", "then", ""],
  ...[
    "../x",
    "/etc/passwd",
    "C:\\x",
    "..",
    ".",
    "a/b",
    "\0",
    "x\0y",
    "CON",
    "%2e%2e/",
    "file:///etc/passwd",
    "//host/x",
  ],
  ...[
    "http://[",
    "https://user:hf_secret@host/x",
    "HTTPS://H/x?y#z",
    "http://127.0.0.1/x",
    "javascript:1",
    "~",
    "$HOME",
  ],
  ...[
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b2J",
    "a\rb",
    "a\nb",
    "\u202egnp.exe",
    "\ufeffx",
    "\ud800",
    "\udfff\ud800",
    "é",
    "\u{1F600}",
  ],
  ...["a".repeat(300), "%s%n", "{0}", "${x}", "NaN", "Infinity", "null", "undefined", "true", "1e999", "0x10", "-1"],
];

/** Words in checkpoints and configs. */
export const KNOWN_NAMES = [
  ...["model", "state_dict", "ema", "ema_model", "version", "config", "module", "net", "clip", "optimizer", "weights"],
  ...["__metadata__", "dtype", "shape", "data_offsets", "weight_map", "metadata", "sparse_shape", "decoder", "prior"],
  ...["unets", "unet_sources", "load_model_from", "load_type", "path", "url", "local", "_metadata", "state_dict_key"],
  ...["F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "U64", "1.14.2", "0.9.2", "v1", "1.0rc1", "2!1.0+x"],
  ...[
    "net.causal_transformer.layers.0.0.to_q.weight",
    "unets.0.to_time_hiddens.1.weight",
    "module.net.a",
    "_orig_mod.b",
  ],
];
