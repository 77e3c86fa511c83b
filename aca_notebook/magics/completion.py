"""What may stand at the cursor of an `%aca` line: sub-commands, flags, their values, live names, Python names."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aca_notebook.magics.words import SHOWS
from aca_notebook.model import metric
from aca_notebook.model.named_query import NAMED_QUERIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aca_notebook.clock import Clock
    from aca_notebook.magics.grammar import Command, Grammar, Option

_LINE = re.compile(r"^\s*(?:[A-Za-z_][\w, ]*=\s*)?(?P<sign>%%?)aca(?:\s+(?P<rest>.*))?$")
#: What may stand where other words may, too.
_LISTED = {"metric": tuple(metric.WORDS), "grain": metric.GRAIN_WORDS}
_LIVE = {"session": "session", "pool": "pool", "remote": "file"}
_SIMPLE_TYPE = {
    "session": "instance",
    "pool": "instance",
    "file": "path",
    "subcommand": "function",
    "flag": "param",
    "value": "value",
    "app": "instance",
    "function": "function",
}


@dataclass(frozen=True, slots=True)
class Completion:
    """One thing that fits; `kind` is `subcommand`, `flag`, `value`, `app`, `function`, `session`, `pool` or `file`."""

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
        """Return the target's sessions or pools, or with the kind `remote` the files of the session `about`."""
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
        fitting = [flag for flag in (*command.flags, *SHOWS) if flag.startswith(fragment) and flag not in once]
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
    if option is None:
        return Completions(fragment)
    if option.completes == "file":
        return Completions(fragment, ours=False)
    if option.completes in {"app", "function"}:
        known = names.apps() if option.completes == "app" else names.functions()
        found = [Completion(name, option.completes) for name in known]
    elif option.completes in _LIVE:
        about = next((word for word in words if not word.startswith("-")), "")
        found = [Completion(name, _LIVE[option.completes]) for name in names.live(option.completes, about)]
    elif option.completes == "query":
        found = [Completion(each.name, "value") for each in NAMED_QUERIES]
    elif option.completes in _LISTED:
        found = [Completion(each, "value") for each in _LISTED[option.completes]]
    else:
        found = [Completion(value, "value") for value in option.values]
    folded = fragment.lower()
    return Completions(fragment, tuple(one for one in found if one.text.lower().startswith(folded)))


class CachedNames:
    """Names that are asked for in the background, so that a keystroke never waits for the platform.

    An answer is used for two seconds; `ask` runs in a thread and whatever it raises means "not known".
    """

    FRESH_SECONDS = 2.0
    WAIT_SECONDS = 0.05

    def __init__(self, ask: Callable[[], Sequence[str]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._known: tuple[str, ...] = ()
        self._asked_at = float("-inf")
        self._asking: threading.Thread | None = None

    def get(self) -> tuple[str, ...]:
        """Return what is known; waits at most 50 ms for something newer."""
        if self._clock.monotonic() - self._asked_at > self.FRESH_SECONDS and not self._busy:
            self._asking = threading.Thread(target=self._refresh, name="aca-names", daemon=True)
            self._asking.start()
        if self._asking is not None:
            self._asking.join(self.WAIT_SECONDS)
        return self._known

    @property
    def _busy(self) -> bool:
        return self._asking is not None and self._asking.is_alive()

    def _refresh(self) -> None:
        try:
            self._known = tuple(self._ask())
        except Exception:  # noqa: BLE001  # a completion must not fail, whatever the platform does
            self._known = ()
        self._asked_at = self._clock.monotonic()
