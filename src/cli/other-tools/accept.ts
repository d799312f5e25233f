import { Option, type Command } from "commander";
import { UsageError } from "../errors.js";
import { COMMON_OPTIONS, optionsIn, type CommonOption } from "./common-options.js";

/**
 * Makes a command accept the options of other tools, without listing them in its help. An option with the meaning of one of
 * its own sets that one. For any other, if the command generates images, an error says what to do instead. Its own options also
 * work with underscores.
 */
export function acceptCommonOptions(command: Command): void {
  for (const own of command.options.filter(({ long }) => long !== undefined)) addAliases(command, own, [own.long!]);
  for (const common of COMMON_OPTIONS) {
    const target = common.means?.map((name) => ownOption(command, name)).find((own) => own !== undefined);
    if (target) addAliases(command, target, common.names);
    else if (ownOption(command, "--decoder-batch-size")) addRefusals(command, common);
  }
}

/** The command's own option with a name, if it has one. */
function ownOption(command: Command, name: string): Option | undefined {
  return command.options.find((option) => hasName(option, name) && !(option instanceof CommonName));
}

function hasName({ short, long }: Option, name: string): boolean {
  return short === name || long === name;
}

function addAliases(command: Command, target: Option, names: readonly string[]): void {
  for (const name of freeNames(command, names)) command.addOption(new Alias(name, target));
}

function addRefusals(command: Command, { names, hints = [] }: CommonOption): void {
  const hint = hints.find((one) => optionsIn(one).every((name) => ownOption(command, name)));
  if (hint === undefined) return;
  for (const name of freeNames(command, names)) command.addOption(new Refusal(name, hint));
}

/** The names, with dashes and with underscores, that are not taken by an option of the command. */
function freeNames({ options }: Command, names: readonly string[]): readonly string[] {
  const all = names.flatMap((name) => [name, `--${name.slice(2).replaceAll("-", "_")}`]);
  const isOption = (name: string): boolean => /^(-\w|--\w.*)$/.test(name);
  // commander would not treat `--no_x` as the negation of `--x`.
  const isTaken = (name: string): boolean =>
    options.some((option) => hasName(option, name)) || name.startsWith("--no_");
  return [...new Set(all)].filter((name) => isOption(name) && !isTaken(name));
}

/** A hidden option that is known from other tools. */
abstract class CommonName extends Option {
  constructor(flags: string) {
    super(flags);
    this.hideHelp();
  }
}

/** Sets one of the command's own options. */
class Alias extends CommonName {
  readonly #attribute: string;

  constructor(name: string, target: Option) {
    const [value = ""] = /\s[<[].*$/.exec(target.flags) ?? [];
    super(`${name}${value}`);
    this.#attribute = target.attributeName();
    if (target.parseArg) this.parseArg = target.parseArg;
  }

  override attributeName(): string {
    return this.#attribute;
  }
}

/** Fails with a message that says what to do instead. */
class Refusal extends CommonName {
  constructor(name: string, hint: string) {
    super(`${name} [value]`);
    this.preset("").argParser(() => {
      throw new UsageError(`There is no option ${name} here: ${hint}.`);
    });
  }
}
