// Completions for bash, zsh and fish, made from the command table.
import type { Command, Flag } from "../../src/cli/command.ts";
import { globalFlags } from "../../src/cli/flags/global.ts";
import { commands, programName } from "../../src/cli/program.ts";

const all: readonly Command[] = commands;
const names = all.map(({ name }) => name);

/** What stands in the place of a command's first argument. */
function wanted({ name, arguments: args }: Command): "container" | "file" | "command" | "nothing" {
  if (["create", "run", "restore"].includes(name)) return "nothing"; // a new name
  const [first] = args;
  if (first === undefined) return "nothing";
  if (first.name === "container-id") return "container";
  return first.name === "command" ? "command" : "file";
}

function shownFlags(flags: readonly Flag[]): readonly Flag[] {
  return flags.filter(({ hidden }) => hidden !== true);
}

function takesValue({ kind }: Flag): boolean {
  return kind !== "bool" && kind !== "choice";
}

function spellings({ name, aliases = [] }: Flag): string[] {
  return [`--${name}`, ...aliases.map((alias) => `-${alias}`)];
}

/** The completion of bash. */
export function renderBash(): string {
  const valued = shownFlags(globalFlags).filter(takesValue).flatMap(spellings);
  return `# bash completion of ${programName}
_${programName}_containers() {
    ${programName} "$@" list --quiet 2>/dev/null
}

_${programName}() {
    local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
    local command= words= files= i flag
    local -a root=()
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        flag=\${COMP_WORDS[i]}
        case $flag in
        ${valued.join(" | ")})
            ((i++))
            [[ \${COMP_WORDS[i]} == "=" ]] && ((i++))
            [[ $flag == --root ]] && root=(--root "\${COMP_WORDS[i]}")
            ;;
        -*) ;;
        *)
            command=$flag
            break
            ;;
        esac
    done
    case $command in
    "")
        case $before in
${bashValues(globalFlags, 8)}
        *) words=${quote([...names, ...shownFlags(globalFlags).flatMap(spellings)].join(" "))} ;;
        esac
        ;;
${all.map(bashCommand).join("\n")}
    esac
    case $files in
    directories) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    files) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    esac
    [[ -z $words ]] || mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o filenames -F _${programName} ${programName}
`;
}

function bashCommand(command: Command): string {
  const flags = shownFlags(command.flags).flatMap(spellings).join(" ");
  const first = wanted(command);
  const positional = {
    container: `words=$(_${programName}_containers "\${root[@]}")`,
    file: "files=files",
    command: `words=${quote(names.join(" "))}`,
    nothing: ":",
  }[first];
  return `    ${command.name})
        case $before in
${bashValues(command.flags, 8)}
        *)
            if [[ $current == -* ]]; then
                words=${quote(flags)}
            else
                ${positional}
            fi
            ;;
        esac
        ;;`;
}

function bashValues(flags: readonly Flag[], indent: number): string {
  const pad = " ".repeat(indent);
  const of = (kind: string): string =>
    shownFlags(flags)
      .filter((flag) => takesValue(flag) && valueKind(flag) === kind)
      .flatMap(spellings)
      .join(" | ");
  return (["directories", "files", "none"] as const)
    .filter((kind) => of(kind) !== "")
    .map((kind) => `${pad}${of(kind)}) files=${kind === "none" ? "" : kind} ;;`)
    .join("\n");
}

function valueKind({ value = "" }: Flag): "directories" | "files" | "none" {
  if (value === "DIR") return "directories";
  return /FILE|SOCKET|WHERE/.test(value) ? "files" : "none";
}

/** The completion of zsh. */
export function renderZsh(): string {
  return `#compdef ${programName}
# zsh completion of ${programName}
_${programName}_containers() {
    local -a root ids
    [[ -n \${opt_args[--root]} ]] && root=(--root "\${opt_args[--root]}")
    ids=(\${(f)"$(${programName} $root list --quiet 2>/dev/null)"})
    compadd -a ids
}

_${programName}() {
    local context state line
    typeset -A opt_args
    _arguments -C \\
${shownFlags(globalFlags).map(zshFlag).join("")}        '1:command:(${names.join(" ")})' \\
        '*::argument:->arguments'
    [[ $state == arguments ]] || return
    case $words[1] in
${all.map(zshCommand).join("\n")}
    esac
}

_${programName} "$@"
`;
}

function zshFlag(flag: Flag): string {
  const action = { directories: "_files -/", files: "_files", none: " " }[valueKind(flag)];
  const value = takesValue(flag) ? `:${flag.value}:${action}` : "";
  const text = flag.description.replaceAll(/[[\]:\\]/g, "\\$&");
  return spellings(flag)
    .map((name) => {
      const repeat = flag.kind === "list" ? "*" : "";
      const sign = !takesValue(flag) ? "" : name.startsWith("--") ? "=" : "+";
      return `        ${quote(`${repeat}${name}${sign}[${text}]${value}`)} \\\n`;
    })
    .join("");
}

function zshCommand(command: Command): string {
  const action = {
    container: `'1:container:_${programName}_containers'`,
    file: "'1:file:_files'",
    command: `'1:command:(${names.join(" ")})'`,
    nothing: "'1:name: '",
  }[wanted(command)];
  const flags = shownFlags(command.flags).map(zshFlag).join("");
  return `    ${command.name})
        _arguments \\
${flags}        ${action}
        ;;`;
}

/** The completion of fish. */
export function renderFish(): string {
  const lines = [
    `# fish completion of ${programName}`,
    `function __${programName}_containers`,
    `    ${programName} list --quiet 2>/dev/null`,
    "end",
    `complete -c ${programName} -f`,
    ...shownFlags(globalFlags).map((flag) => fishFlag(flag, "__fish_use_subcommand")),
  ];
  for (const command of all) {
    const here = `__fish_seen_subcommand_from ${command.name}`;
    lines.push(
      `complete -c ${programName} -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`,
      ...shownFlags(command.flags).map((flag) => fishFlag(flag, here)),
    );
    const first = wanted(command);
    if (first === "container") {
      lines.push(`complete -c ${programName} -n ${quote(here)} -a "(__${programName}_containers)"`);
    } else if (first === "file") {
      lines.push(`complete -c ${programName} -n ${quote(here)} -F`);
    } else if (first === "command") {
      lines.push(`complete -c ${programName} -n ${quote(here)} -a ${quote(names.join(" "))}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function fishFlag(flag: Flag, condition: string): string {
  const short = (flag.aliases ?? []).map((alias) => ` -s ${alias}`).join("");
  const value = !takesValue(flag) ? "" : valueKind(flag) === "none" ? " -x" : " -r -F";
  return `complete -c ${programName} -n ${quote(condition)} -l ${flag.name}${short}${value} -d ${quote(flag.description)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
