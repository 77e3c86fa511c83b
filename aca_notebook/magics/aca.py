"""`%aca` and `%%aca` themselves: the seam between IPython and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from aca_notebook.magics import words

if TYPE_CHECKING:
    from collections.abc import Callable

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
        """Deploy a cell to Azure Container Apps, or to the same API on this machine.

        usage: %aca [SUBCOMMAND [ARGUMENT ...]]

        Three of them:
          %%aca deploy scorer --gpu T4
          %aca logs scorer --follow
          %aca ps

        `%aca` alone opens a form to deploy with, `%aca help` lists every sub-command, and `%aca SUBCOMMAND --help` (or
        `%%aca SUBCOMMAND?`) shows its flags, three examples, its limits and the nearest line of `az`.
        """
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
            from aca_notebook.clock import SystemClock  # not needed to load
            from aca_notebook.magics.live_names import LiveNames  # not needed to load

            names.append(LiveNames(lambda: magics.notebook, SystemClock()))
        names[0].cell = context.full_text
        names[0].prepare()
        found = completion.complete(line, GRAMMAR, names[0])
        return {
            "completions": [SimpleCompletion(one.text, type=one.type) for one in found.found],
            "matched_fragment": found.fragment,
            "suppress": found.ours,
            "ordered": True,
        }

    matching: Callable[[Any], dict[str, Any]] = aca_matcher
    return matching


def load(shell: Any) -> AcaMagics:
    """Register the magic and its completer with a shell; loading twice changes nothing."""
    present = shell.magics_manager.registry.get(AcaMagics.__name__)
    if isinstance(present, AcaMagics):
        return present
    magics = AcaMagics(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(matcher(magics))
    return magics
