"""A form for secrets in a page: a value goes from its field to the kernel in one message, and nothing keeps it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from aca_notebook.errors import AcaError
from aca_notebook.widgets.front_end import View, module, show_when_there, style

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Send = Callable[[dict[str, Any]], None]
    Begin = Callable[[Callable[[], None]], None]

#: The longest value that a page may send: Azure takes no longer one.
_LONGEST = 2**17


class SecretFormView(View):
    """A page's copy of the form: its state holds no value, and no name either."""

    _esm = module("parts", "secret_form")
    _css = style("parts", "secret_form")


class Keeper(Protocol):
    """Where secrets go."""

    @property
    def apps(self) -> Sequence[str]:
        """The apps that one may be set on."""
        ...

    @property
    def kept(self) -> Sequence[str]:
        """The names of those that this kernel keeps."""
        ...

    def put(self, app: str, name: str, value: str) -> None:
        """Set one, of an app or with no app for later deploys. Raises `AcaError`."""
        ...

    def remove(self, name: str) -> None:
        """Forget one that this kernel keeps. Raises `AcaError`."""
        ...


class SecretForm:
    """The kernel's side: sets what a page sends, and tells it names alone."""

    def __init__(self, keeper: Keeper, send: Send, begin: Begin, *, name: str = "", app: str = "") -> None:
        self._keeper = keeper
        self._send = send
        self._begin = begin
        self._name = name
        self._app = app

    def greet(self) -> None:
        """Tell a page that was just opened which secrets and apps there are."""
        self._tell("", "")

    def take(self, message: Mapping[str, Any]) -> None:
        """Do what a page asks for."""
        name, value, app = (message.get(each, "") for each in ("name", "value", "app"))
        kind = message.get("kind")
        if not all(isinstance(each, str) for each in (name, value, app)) or len(value) > _LONGEST:
            return
        if kind == "set":
            self._begin(lambda: self._do(lambda: self._keeper.put(app, name, value), _set(name, app)))
        elif kind == "remove":
            self._begin(lambda: self._do(lambda: self._keeper.remove(name), f"{name} is forgotten"))

    def _do(self, act: Callable[[], None], said: str) -> None:
        try:
            act()
        except AcaError as refused:
            self._tell("", "\n".join(refused.lines()))
        else:
            self._tell(said, "")

    def _tell(self, said: str, error: str) -> None:
        self._send({
            "kind": "secrets", "apps": list(self._keeper.apps), "kept": list(self._keeper.kept), "said": said,
            "error": error, "name": self._name, "app": self._app,
        })  # fmt: skip


def _set(name: str, app: str) -> str:
    if app:
        return f"{name} is set on {app}; what runs reads it after a restart: %aca revision restart {app} REVISION"
    return f"{name} is kept until the kernel ends; a deploy takes it along with --secret"


def in_thread(act: Callable[[], None]) -> None:
    """Run `act` in a thread that does not keep the kernel alive."""
    threading.Thread(target=act, name="aca-secret", daemon=True).start()


def open_secret_form(keeper: Keeper, name: str, app: str) -> SecretFormView:
    """Open the form, to be shown under the present cell when a page answers."""
    view = SecretFormView()
    form = SecretForm(keeper, view.send, in_thread, name=name, app=app)
    show_when_there(view, form.greet, form.take)
    return view
