"""`%aca` and `%%aca` themselves: the seam between IPython and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from aca_notebook.magics import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from aca_notebook.magics.completion import CachedNames
    from aca_notebook.magics.form import DeployForm
    from aca_notebook.magics.notebook import Notebook


def connect(target: str = "", **settings: Any) -> Any:
    """Return a workspace; what it takes is imported now, not by `%load_ext`."""
    from aca_notebook.api.workspace import connect as connect_workspace  # 0.5 s of SDKs

    return connect_workspace(target, **settings)


@magics_class
class AcaMagics(Magics):  # type: ignore[misc]  # IPython publishes no types
    """The one magic."""

    def __init__(self, shell: Any, connect: Callable[..., Any] = connect) -> None:
        super().__init__(shell)
        self._connect = connect
        self._notebook: Notebook | None = None

    @property
    def notebook(self) -> Notebook:
        """The notebook this magic works in."""
        if self._notebook is None:
            from aca_notebook.magics.notebook import Notebook  # not needed to load

            self._notebook = Notebook(self.shell, self._connect)
        return self._notebook

    # IPython would evaluate the braces of JSON; `words.expand` fills in names only.
    @no_var_expand  # type: ignore[untyped-decorator]  # IPython's
    @line_cell_magic  # type: ignore[untyped-decorator]  # IPython's
    def aca(self, line: str, cell: str | None = None) -> object:
        """Deploy a cell to Azure Container Apps, or to the same API on this machine: `%aca help`."""
        written = words.split(line)
        words.refuse_secrets(written)
        filled = words.expand(written, self.shell.user_ns)
        words.refuse_secrets(filled)
        if not filled and cell is None and self.notebook.graphical:
            return self.form()
        from aca_notebook.magics.grammar import Help  # not needed to load
        from aca_notebook.magics.subcommands import GRAMMAR  # not needed to load

        form, asked = words.take_form(filled)
        parsed = GRAMMAR.parse(asked, cell=cell is not None)
        if isinstance(parsed, Help):
            return parsed
        from aca_notebook.magics import commands  # not needed to load

        command, arguments = parsed
        if form:
            return commands.show(self.notebook, form, command.name, arguments, cell)
        return commands.run(self.notebook, command.name, arguments, cell)

    def form(self) -> DeployForm:
        """Return a form to deploy with: what `%aca` alone shows in a notebook."""
        from aca_notebook.magics.form import DeployForm  # not needed to load

        return DeployForm(self.notebook, lambda line: self.aca(line.partition(" ")[2]))

    def close(self) -> None:
        """Let go of what the commands hold open."""
        if self._notebook is not None:
            self._notebook.close()


def matcher(magics: AcaMagics) -> Callable[[Any], dict[str, Any]]:
    """Return the completer of `%aca` lines in IPython's matcher interface, version 2."""
    from IPython.core.completer import SimpleCompletion, context_matcher  # imported by every shell

    names: list[Any] = []

    @context_matcher(identifier="aca_notebook.matcher", priority=100)  # type: ignore[untyped-decorator]  # IPython's
    def aca_matcher(context: Any) -> dict[str, Any]:
        line = context.line_with_cursor[: context.cursor_position]
        if "%aca" not in line:
            return {"completions": [], "suppress": False}
        from aca_notebook.magics import completion  # not needed to load
        from aca_notebook.magics.subcommands import GRAMMAR  # not needed to load

        if not names:
            names.append(_LiveNames(magics))
        found = completion.complete(line, GRAMMAR, names[0])
        return {
            "completions": [SimpleCompletion(one.text, type=one.type) for one in found.found],
            "matched_fragment": found.fragment,
            "suppress": found.ours,
            "ordered": True,
        }

    matching: Callable[[Any], dict[str, Any]] = aca_matcher
    return matching


class _LiveNames:
    """The names that exist now in one notebook."""

    def __init__(self, magics: AcaMagics) -> None:
        from aca_notebook.clock import SystemClock  # not needed to load
        from aca_notebook.magics.completion import CachedNames  # not needed to load

        self._magics = magics
        self._cached: Callable[[Callable[[], list[str]]], CachedNames] = lambda ask: CachedNames(ask, SystemClock())
        self._apps = self._cached(lambda: list(self._magics.notebook.workspace.apps))
        self._live: dict[tuple[str, str], CachedNames] = {}

    def apps(self) -> tuple[str, ...]:
        """Return the target's apps; none before a target is in use, because completing must not start one."""
        return self._apps.get() if self._magics.notebook.connected else ()

    def live(self, kind: str, about: str) -> tuple[str, ...]:
        """Return sessions, pools, or the files of the session `about`; none before a target is in use."""
        if not self._magics.notebook.connected:
            return ()
        if (kind, about) not in self._live:

            def ask() -> list[str]:
                workspace = self._magics.notebook.workspace
                if kind == "pool":
                    return list(workspace.session_pools)
                if kind == "remote":
                    session = workspace.session(about)
                    session.state()  # listing the files of one that is not there would make it
                    return list(session.files)
                return [each.identifier for each in workspace.sessions()]

            self._live[kind, about] = self._cached(ask)
        return self._live[kind, about].get()

    def functions(self) -> tuple[str, ...]:
        """Return the functions and classes the notebook defines."""
        return tuple(self._magics.notebook.callables())


def load(shell: Any) -> AcaMagics:
    """Register the magic and its completer with a shell; loading twice changes nothing."""
    present = shell.magics_manager.registry.get(AcaMagics.__name__)
    if isinstance(present, AcaMagics):
        return present
    magics = AcaMagics(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(matcher(magics))
    return magics
