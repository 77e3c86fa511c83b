"""The grammar of `%aca`: words in, one typed argument value out, or a sentence that says what was meant.

The table of sub-commands is `subcommands.GRAMMAR`; the same table makes the parser, the help, the completion and the
reference page, so they cannot disagree.
"""

from __future__ import annotations

import argparse
import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Never

from aca_notebook.errors import UsageFailed
from aca_notebook.magics.limits import limits_of
from aca_notebook.magics.words import SHOWS, can_be_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


#: What stands where one line of `az` does not do the same.
_NO_AZ = "no one command"
#: The same for what changes resources.
BY_SHOWING = f"{_NO_AZ}; --show-az behind a line shows what it takes"
_NUMBER = re.compile(r"-\d*\.?\d+$")


@dataclass(frozen=True, slots=True)
class Option:
    """One flag, or with no dash one positional.

    `read` turns the word into its value and raises `ValueError` with a sentence; `None` makes a switch. `completes`
    names what may stand there: `app`, `function`, `variable` or several `variables`, `session`, `pool`, `revision`,
    `secret`, `secret-pair`, `remote` (a session's file), `file`, `query`, `metric`, `grain` or nothing; `values` lists
    it outright.
    """

    names: tuple[str, ...]
    help: str
    read: Callable[[str], Any] | None = str
    metavar: str = ""
    values: tuple[str, ...] = ()
    completes: str = ""
    repeats: bool = False
    optional: bool = False

    @property
    def flag(self) -> bool:
        """Whether it is written with dashes."""
        return self.names[0].startswith("-")

    @property
    def destination(self) -> str:
        """The field of the arguments value it fills."""
        return self.names[0].lstrip("-").replace("-", "_")

    @property
    def shown(self) -> str:
        """How help writes it: `--gpu T4|A100`, `NAME`."""
        value = self.metavar or "|".join(self.values) or self.destination.upper()
        if not self.flag:
            return f"[{value}{' ...' if self.repeats else ''}]" if self.optional else value
        return ", ".join(self.names) if self.read is None else f"{', '.join(self.names)} {value}"


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command: what it is for, what it takes, three examples, and the line of `az` that is nearest.

    `notes` makes what its help ends with, when somebody asks.
    """

    name: str
    summary: str
    arguments: type
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    az: str = ""
    cell: bool = False
    line: bool = True
    fixed: Mapping[str, Any] = field(default_factory=dict)
    notes: Callable[[], str] | None = None

    def option(self, name: str) -> Option | None:
        """Return the option that is written `name`, or None."""
        return next((option for option in self.options if option.flag and name in option.names), None)

    @property
    def flags(self) -> tuple[str, ...]:
        """Every flag, `--help` last."""
        return (*(name for option in self.options if option.flag for name in option.names), "--help")

    @property
    def shows(self) -> tuple[str, ...]:
        """The words that show it instead of doing it; none for what can only be done."""
        return SHOWS if can_be_shown(self.name) else ()

    @property
    def usage(self) -> str:
        """The first line of its help."""
        sign = "%%aca" if self.cell else "%aca"
        places = [option.shown for option in self.options if not option.flag]
        tail = " [FLAG ...]" if any(option.flag for option in self.options) else ""
        return " ".join((sign, self.name, *places)) + tail


@dataclass(frozen=True, slots=True)
class Help:
    """Text to show instead of doing anything."""

    text: str

    def __repr__(self) -> str:
        return self.text


class _Parser(argparse.ArgumentParser):
    """argparse that raises our error where it would print and leave the interpreter."""

    command: Command

    def error(self, message: str) -> Never:
        raise _usage(_plainer(message), self.command)


@dataclass(frozen=True, slots=True)
class Grammar:
    """A table of sub-commands that can be parsed against."""

    commands: tuple[Command, ...]

    def parse(self, words: Sequence[str], *, cell: bool = False) -> tuple[Command, Any] | Help:
        """Return the sub-command and its arguments; `Help` for no words, `help …` and `--help`.

        Raises `UsageFailed`, which names the nearest sub-command or flag.
        """
        if asked := self._asked_about(words):
            return Help(self.help(asked))
        if not words or words[0] in {"help", "-h", "--help"}:
            return Help(self.help(words[1:]) if len(words) > 1 else self.overview())
        if len(words) > 1 and words[1] in {"-h", "--help"} and self.within(words[0]):
            return Help(self.help(words[:1]))
        command, rest = self._find(words)
        if any(word in {"-h", "--help"} for word in rest):
            return Help(help_text(command))
        _check_sign(command, cell=cell)
        return command, self._arguments(command, rest)

    def _asked_about(self, words: Sequence[str]) -> list[str]:
        """Return what `%%aca deploy?` asks about, which IPython leaves to a cell magic; nothing for any other line."""
        if not words or not words[-1].endswith("?"):
            return []
        about = [word for word in (*words[:-1], words[-1].rstrip("?")) if word]
        return about if about and (self.named(" ".join(about)) or self.within(" ".join(about))) else []

    def _arguments(self, command: Command, rest: Sequence[str]) -> Any:
        _check_flags(command, rest)
        parsed = vars(_parser(command).parse_intermixed_args(list(rest)))
        given = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in parsed.items()
            if value is not None
        }
        for pairs in {"env_vars", "secret"} & given.keys():
            given[pairs] = dict(given[pairs])
        return command.arguments(**given, **command.fixed)

    def named(self, name: str) -> Command | None:
        """Return the sub-command with that full name, or None."""
        return next((command for command in self.commands if command.name == name), None)

    def within(self, group: str) -> tuple[Command, ...]:
        """Return the sub-commands of a noun such as `revision`."""
        return tuple(command for command in self.commands if command.name.startswith(f"{group} "))

    def _find(self, words: Sequence[str]) -> tuple[Command, Sequence[str]]:
        first = words[0]
        if found := self.named(" ".join(words[:2])):
            return found, words[2:] if " " in found.name else words[1:]
        if found := self.named(first):
            return found, words[1:]
        if group := self.within(first):
            verbs = [command.name.split()[1] for command in group]
            verb = words[1] if len(words) > 1 else ""
            if found := self.named(f"{first} {verb}"):
                return found, words[2:]
            what = f"`%aca {first}` has no {verb!r}" if verb else f"`%aca {first}` needs a verb"
            near = _nearest(verb, verbs) or verbs[0]
            raise UsageFailed(
                f"{what}; it has {', '.join(verbs)}", code="UsageError", hint=f"%aca {first} {near} --help"
            )
        names = list(dict.fromkeys(command.name.split()[0] for command in self.commands))
        near = _nearest(first, names)
        raise UsageFailed(
            f"there is no `%aca {first}`" + (f"; did you mean `{near}`?" if near else ""),
            code="UsageError",
            hint=f"%aca {near} --help" if near else "%aca help",
        )

    def help(self, words: Sequence[str]) -> str:
        """Return the help of one sub-command, or of a noun's verbs."""
        if len(words) == 1 and (group := self.within(words[0])):
            if own := self.named(words[0]):
                return f"{help_text(own)}\n\n{_listing(f'%aca {words[0]} …', group)}"
            return _listing(f"%aca {words[0]} …", group) + f"\n\n`%aca {words[0]} VERB --help` tells more of each."
        return help_text(self._find(words)[0])

    def overview(self) -> str:
        """Return one line a sub-command."""
        title = "%aca: deploy a cell to Azure Container Apps, or to the same API on this machine."
        more = (
            "`%aca SUBCOMMAND --help` shows its flags and three examples.",
            "With --show-az or --show-rest most lines show what they would ask of the platform, and change nothing.",
        )
        return "\n".join((_listing(title, self.commands), "", *more))


def help_text(command: Command) -> str:
    """Return usage, what each argument means, three examples, limits and the nearest `az` line."""
    parts = [f"usage: {command.usage}", "", command.summary]
    if command.options:
        width = min(max(len(option.shown) for option in command.options), 30)
        parts += ["", *(f"  {option.shown:<{width}}  {option.help}" for option in command.options)]
    if command.shows:
        parts += ["", f"  {', '.join(command.shows)}: instead of doing it, show what it would ask of the platform"]
    if command.examples:
        parts += ["", "examples:", *(f"  {example}" for example in command.examples)]
    if command.notes is not None:
        parts += ["", command.notes()]
    limits = limits_of(command.name)
    parts += ["", f"limits: {limits}"] if limits else [""]
    parts += [f"with az: {command.az or _NO_AZ}"]
    return "\n".join(parts)


def _listing(title: str, commands: Sequence[Command]) -> str:
    width = max(len(command.name) for command in commands) + 1
    signs = {True: "%%aca", False: " %aca"}
    rows = [f"  {signs[command.cell]} {command.name:<{width}} {command.summary}" for command in commands]
    return "\n".join([title, "", *rows])


def _parser(command: Command) -> _Parser:
    parser = _Parser(prog=f"%aca {command.name}", add_help=False, allow_abbrev=False)
    parser.command = command
    for option in command.options:
        settings: dict[str, Any] = {"default": argparse.SUPPRESS}
        if option.flag:
            settings["dest"] = option.destination
        if option.read is None:
            settings["action"] = "store_true"
        else:
            settings |= {"type": _reader(option), "metavar": option.metavar or option.destination.upper()}
        if option.repeats and option.flag:
            settings |= {"action": "extend", "nargs": "+"}
        elif option.optional and option.flag:
            settings |= {"nargs": "?", "const": True}
        elif option.repeats or option.optional:
            settings |= {"nargs": "*" if option.repeats else "?", "default": None}
        parser.add_argument(*option.names, **settings)
    return parser


def _reader(option: Option) -> Callable[[str], Any]:
    def read(word: str) -> Any:
        if option.read is None:
            return word
        try:
            value = option.read(word)
        except ValueError as bad:
            raise argparse.ArgumentTypeError(str(bad)) from bad
        if option.values and value not in option.values:
            near = _nearest(str(value), option.values)
            raise argparse.ArgumentTypeError(
                f"{word!r} is not one of {', '.join(option.values)}" + (f"; did you mean {near}?" if near else "")
            )
        return value

    return read


def _check_flags(command: Command, words: Sequence[str]) -> None:
    """Refuse the first flag the sub-command lacks, before argparse takes its value for a positional."""
    for word in words:
        if word == "--":
            return
        name = word.partition("=")[0]
        if not word.startswith("-") or word == "-" or _NUMBER.match(word) or command.option(name):
            continue
        near = _nearest(name, (*command.flags, *command.shows))
        raise _usage(f"`%aca {command.name}` has no flag {name}" + (f"; did you mean {near}?" if near else ""), command)


def _check_sign(command: Command, *, cell: bool) -> None:
    if cell and not command.cell:
        raise UsageFailed(
            f"`{command.name}` is a line command, and this is a cell that starts with `%%aca`",
            code="UsageError",
            hint=f"write %aca {command.name} with one percent sign",
        )
    if not cell and not command.line:
        raise UsageFailed(
            f"`{command.name}` takes the cell below it",
            code="UsageError",
            hint=f"start the cell with {command.usage}",
        )


def _plainer(message: str) -> str:
    """Say what argparse says without its words for itself."""
    message = message.removeprefix("argument ")
    if match := re.match(r"the following arguments are required: (.+)", message):
        return f"{match[1]} is missing"
    if match := re.match(r"unrecognized arguments: (.+)", message):
        return f"{match[1]!r} is one word too many"
    return message


def _usage(message: str, command: Command) -> UsageFailed:
    return UsageFailed(message, code="UsageError", detail=f"usage: {command.usage}", hint=f"%aca {command.name} --help")


def _nearest(word: str, among: Sequence[str]) -> str:
    """Return the closest spelling, or an empty string when none is close."""
    return next(iter(difflib.get_close_matches(word, among, n=1, cutoff=0.55)), "")
