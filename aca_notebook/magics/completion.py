"""What may stand at the cursor of an `%aca` line: sub-commands, flags, their values, live names, Python names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from aca_notebook.model import metric
from aca_notebook.model.deploy_line import variable_of
from aca_notebook.model.named_query import NAMED_QUERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_notebook.magics.grammar import Command, Grammar, Option

_LINE = re.compile(r"^\s*(?:[A-Za-z_][\w, ]*=\s*)?(?P<sign>%%?)aca(?:\s+(?P<rest>.*))?$")
#: What may stand where other words may, too.
_LISTED = {"metric": tuple(metric.WORDS), "grain": metric.GRAIN_WORDS}
_LIVE = {"session": "session", "pool": "pool", "remote": "file", "revision": "revision", "secret": "secret"}
_SIMPLE_TYPE = {
    "session": "instance",
    "pool": "instance",
    "revision": "instance",
    "secret": "instance",
    "variable": "instance",
    "file": "path",
    "subcommand": "function",
    "flag": "param",
    "value": "value",
    "app": "instance",
    "function": "function",
}


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that fits; `kind` is one of `_SIMPLE_TYPE`'s words."""

    text: str
    kind: str

    @property
    def type(self) -> str:
        """IPython's word for the kind."""
        return _SIMPLE_TYPE[self.kind]


@dataclass(frozen=True, slots=True)
class Completions:
    """What fits in place of `fragment`; `ours` is False where other matchers know better (files, other lines)."""

    fragment: str = ""
    found: tuple[Completion, ...] = ()
    ours: bool = True


class Names(Protocol):
    """The names that exist now; all answer at once."""

    def apps(self) -> Sequence[str]:
        """Return the names of the target's apps, as far as known."""
        ...

    def functions(self) -> Sequence[str]:
        """Return the functions and classes defined in the notebook."""
        ...

    def live(self, kind: str, about: str) -> Sequence[str]:
        """Return the target's sessions, pools or secrets; of `about` the files (`remote`) or revisions (`revision`)."""
        ...

    def variables(self) -> Sequence[str]:
        """Return the notebook's variables, those of the cell that is being written among them."""
        ...


def complete(line: str, grammar: Grammar, names: Names) -> Completions:
    """Return what fits at the end of `line`, which is the text of one line up to the cursor."""
    match = _LINE.match(line)
    if match is None or match["rest"] is None or "#" in line:
        return Completions(ours=False)
    words = match["rest"].split()
    fragment = "" if not words or line[-1].isspace() else words.pop()
    found = _command(words, grammar)
    group = len(words) == 1 and bool(grammar.within(words[0]))
    if found is None or (group and match["sign"] == "%" and not found[0].line):
        return Completions(fragment, _subcommands(words, grammar, match["sign"], fragment))
    command, rest = found
    return _arguments(command, rest, fragment, names)


def _command(words: Sequence[str], grammar: Grammar) -> tuple[Command, Sequence[str]] | None:
    for length in (2, 1):
        if len(words) >= length and (command := grammar.named(" ".join(words[:length]))):
            return command, words[length:]
    return None


def _subcommands(words: Sequence[str], grammar: Grammar, sign: str, fragment: str) -> tuple[Completion, ...]:
    fitting = [command for command in grammar.commands if (command.cell if sign == "%%" else command.line)]
    if not words:
        firsts = [*dict.fromkeys(command.name.split()[0] for command in fitting), "help"]
    elif words == ["help"]:
        firsts = list(dict.fromkeys(command.name.split()[0] for command in grammar.commands))
    else:
        firsts = [command.name.split()[1] for command in grammar.within(words[0])] if len(words) == 1 else []
    return tuple(Completion(first, "subcommand") for first in firsts if first.startswith(fragment))


def _arguments(command: Command, words: Sequence[str], fragment: str, names: Names) -> Completions:
    if fragment.startswith("-") and "=" in fragment:
        flag, _, fragment = fragment.partition("=")
        return _values(command.option(flag), fragment, names, words)
    if fragment.startswith("-"):
        once = {name for word in words if (used := command.option(word)) and not used.repeats for name in used.names}
        fitting = [flag for flag in (*command.flags, *command.shows) if flag.startswith(fragment) and flag not in once]
        return Completions(fragment, tuple(Completion(flag, "flag") for flag in fitting))
    before = _taking(command, words)
    if before is not None:
        return _values(before, fragment, names, words)
    places = [option for option in command.options if not option.flag]
    taken = _positionals(command, words)
    place = places[min(taken, len(places) - 1)] if places and (taken < len(places) or places[-1].repeats) else None
    if place is not None and place.completes == "fault":
        return Completions(fragment, tuple(Completion(one, "value") for one in fault_words(words[0], fragment)))
    return _values(place, fragment, names, words)


def _taking(command: Command, words: Sequence[str]) -> Option | None:
    """The flag that takes the next word: the last one, right after it, or later when it takes several."""
    for distance, word in enumerate(reversed(words)):
        option = command.option(word)
        if option is not None:
            return option if option.read is not None and (distance == 0 or option.repeats) else None
    return None


def fault_words(kind: str, fragment: str) -> Sequence[str]:
    """Return the parameters of a fault that fit, with their values where these are few."""
    from aca_notebook.model.fault import WHERE_AND_WHEN  # for those who come that far
    from aca_notebook.model.fault_kinds import KINDS, meanings

    class_ = KINDS.get(kind.lower())
    if class_ is None:
        return ()
    own = meanings(class_)
    choices = [f"{name}={choice}" for name, meaning in own.items() for choice in meaning.choices or ("",)]
    about = [f"{name}=" for name in WHERE_AND_WHEN if not class_.lasting or name in {"on", "for", "until"}]
    return [word for word in (*choices, *about) if word.startswith(fragment) and word != fragment]


def _positionals(command: Command, words: Sequence[str]) -> int:
    count, takes = 0, False
    for word in words:
        option = command.option(word)
        if option is not None:
            takes = option.read is not None
        elif takes:
            takes = False
        else:
            count += 1
    return count


def _values(option: Option | None, fragment: str, names: Names, words: Sequence[str] = ()) -> Completions:
    what = "" if option is None else option.completes
    if option is None or what == "file":
        return Completions(fragment, ours=option is None)
    if what == "variables":
        return _several_variables(fragment, names)
    if what == "secret-pair":
        return _secret_pairs(fragment, names)
    return Completions(fragment, _fitting(_known(option, names, words), fragment))


def _known(option: Option, names: Names, words: Sequence[str]) -> list[Completion]:
    """Return all that may stand at an option."""
    what = option.completes
    if what in _LIVE:
        about = next((word for word in words if not word.startswith("-")), "")
        return [Completion(name, _LIVE[what]) for name in names.live(what, about)]
    here = {"app": names.apps, "function": names.functions, "variable": names.variables}
    if what in here:
        return [Completion(name, what) for name in here[what]()]
    if what == "query":
        return [Completion(each.name, "value") for each in NAMED_QUERIES]
    return [Completion(each, "value") for each in _LISTED.get(what, option.values)]


def _several_variables(fragment: str, names: Names) -> Completions:
    """Each variable that is not there yet, behind the commas of those that are."""
    before, comma, begun = fragment.rpartition(",")
    taken = before.split(",")
    fitting = _fitting([Completion(each, "variable") for each in names.variables() if each not in taken], begun)
    return Completions(fragment, tuple(replace(one, text=f"{before}{comma}{one.text}") for one in fitting))


def _fitting(found: Sequence[Completion], fragment: str) -> tuple[Completion, ...]:
    folded = fragment.lower()
    return tuple(one for one in found if one.text.lower().startswith(folded))


def _secret_pairs(fragment: str, names: Names) -> Completions:
    """Each secret with the variable that is named after it: `HF_TOKEN=hf-token`; after `=` the secrets alone."""
    variable, given, _ = fragment.partition("=")
    found = [f"{variable if given else variable_of(name)}={name}" for name in names.live("secret", "")]
    return Completions(fragment, _fitting([Completion(each, "secret") for each in found], fragment))
