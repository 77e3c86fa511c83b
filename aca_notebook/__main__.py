"""The command line: `aca-notebook`. The only module that prints."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from aca_notebook import launcher, moving, rehearsal, settings
from aca_notebook.display import amounts
from aca_notebook.errors import AcaError, EmulatorFailed, UsageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SHOWN_ANSWERS = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, or say what there is; returns the exit code: 0 done, 1 failed, 2 not understood."""
    given = _parser().parse_args(arguments)
    try:
        code: int | None = given.run(given)
    except UsageFailed as wrong:
        print(wrong, file=sys.stderr)
        return 2
    except AcaError as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code or 0


class _Parser(argparse.ArgumentParser):
    """Names the nearest command when one is mistyped, and where to read on."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2 and three lines."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong is None:
            said = message
        else:
            near = difflib.get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1)
            said = f"there is no `{self.prog} {wrong[1]}`" + (f"; did you mean `{near[0]}`?" if near else "")
        self.exit(2, f"{said}\nUsageError\n{self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="aca-notebook", description="Deploy notebook cells to Azure Container Apps, or to this machine."
    )
    commands = _choices(parser, "commands", "COMMAND")
    demo = commands.add_parser("demo", help="run the quickstart notebook and write a report with its charts")
    demo.add_argument("--output", type=Path, default=Path("demo-report"), metavar="DIR", help="default: %(default)s")
    demo.set_defaults(run=_demo)
    commands.add_parser("doctor", help="check what the local target needs").set_defaults(run=_doctor)
    key = commands.add_parser("key", help="print the key of an app, for use in a shell: $(aca-notebook key NAME)")
    key.add_argument("name", metavar="NAME")
    key.add_argument("--target", default="", help="local or azure; default: as the settings say")
    key.set_defaults(run=_key)
    _emulator_parsers(commands)
    commands.add_parser("version", help="print the version").set_defaults(run=_version)
    return parser


def _choices(parser: argparse.ArgumentParser, title: str, metavar: str) -> Any:
    """Add sub-commands to a parser; without one of them it prints its help."""

    def show(given: argparse.Namespace) -> None:
        del given
        parser.print_help()

    parser.set_defaults(run=show)
    return parser.add_subparsers(title=title, metavar=metavar)


def _emulator_parsers(commands: Any) -> None:
    emulator = commands.add_parser("emulator", help="the local emulator of Azure Container Apps")
    actions = _choices(emulator, "actions", "ACTION")

    def action(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = actions.add_parser(name, help=text)
        made.add_argument("--data-dir", type=Path, metavar="DIR", help="where it keeps its state")
        made.set_defaults(run=run)
        return made

    run = action("run", _emulator_run, "run it in the foreground; prints one JSON line when ready")
    run.add_argument("--port", type=int, metavar="N", help="default: the one it had before, or a free one")
    run.add_argument("--pace", metavar="PACE", help="how fast Azure is: instant, realistic, or a factor")
    run.add_argument("--idle-exit", metavar="SECONDS", help="exit after so long without use, or never")
    run.add_argument("--role-delay", metavar="SECONDS", help="until a role assignment is in effect; default: at once")
    action("start", _emulator_start, "start it in the background, or join the one that runs")
    action("stop", _emulator_stop, "stop it and everything it runs; its state stays")
    status = action("status", _emulator_status, "say whether it runs, and what it does")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    env = action("env", _emulator_env, "print what other clients need to reach it: eval $(aca-notebook emulator env)")
    env.add_argument("--json", action="store_true", help="as one flat JSON object instead of shell exports")
    _moving_parsers(action)
    faults = actions.add_parser("fault", help="let something of Azure's go wrong, to rehearse a bad day")
    rehearsal.add_parsers(actions, _choices(faults, "actions", "ACTION"), _rehearse)
    _principal_parsers(actions, action)
    image = actions.add_parser("image", help="images that stand for commands of this machine")
    image_actions = _choices(image, "actions", "ACTION")
    add = image_actions.add_parser("add", help="let an image stand for a command: image add IMAGE -- COMMAND …")
    add.add_argument("--data-dir", type=Path, metavar="DIR", help="where the emulator keeps its state")
    add.add_argument("--folder", type=Path, metavar="DIR", help="where the command runs")
    add.add_argument("image", metavar="IMAGE")
    add.add_argument("command", nargs="+", metavar="COMMAND", help="{python} and {port} may stand in it")
    add.set_defaults(run=_emulator_image_add)


def _moving_parsers(action: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    reset = action("reset", _emulator_reset, "stop it and delete its state: every local app, log and metric")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    export = action("export", _emulator_export, "write its apps, jobs and bundles to one file, while it runs or not")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--with-secrets", action="store_true", help="secret values, too, under a passphrase")
    take_in = action("import", _emulator_import, "take in what was exported; one that runs is stopped and started")
    take_in.add_argument("file", type=Path, metavar="FILE")
    take_in.add_argument("--replace", action="store_true", help="in the place of all it holds")


def _principal_parsers(actions: Any, action: Callable[[str, Any, str], argparse.ArgumentParser]) -> None:
    approve = action("approve", _emulator_approve, "sign in whoever waits with a device code")
    approve.add_argument("code", metavar="CODE")
    principal = actions.add_parser("principal", help="callers that may do what the roles you give them say")
    verbs = _choices(principal, "actions", "ACTION")
    for name, run, text, named in (
        ("add", _principal_add, "make a service principal; prints its ids and, this once, its secret", "NAME"),
        ("remove", _principal_remove, "forget one and its secret", "APP_ID"),
        ("list", _principal_list, "list them, the emulator's own first", ""),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("--data-dir", type=Path, metavar="DIR", help="where the emulator keeps its state")
        verb.set_defaults(run=run)
        if named:
            verb.add_argument("named", metavar=named)


def _folder(given: argparse.Namespace) -> Path:
    chosen: Path | None = given.data_dir
    return (chosen or launcher.data_dir(settings.home())).expanduser().absolute()


def _emulator_run(given: argparse.Namespace) -> int:
    """Become the emulator: signals and the exit code are its own."""
    folder = _folder(given)
    flags = {
        "--port": given.port, "--pace": given.pace, "--idle-exit": given.idle_exit, "--role-delay": given.role_delay,
    }  # fmt: skip
    options = [part for flag, value in flags.items() if value is not None for part in (flag, str(value))]
    command = launcher.command(folder, *options)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  # our own module under our own interpreter


def _emulator_start(given: argparse.Namespace) -> None:
    endpoint = launcher.ensure_emulator(_folder(given))
    verb = "restarted after it had died" if endpoint.restarted else "started" if endpoint.started else "already runs"
    print(f"the emulator {verb}: {endpoint.url} (pid {endpoint.pid})")


def _emulator_stop(given: argparse.Namespace) -> None:
    print("stopped" if launcher.stop_emulator(_folder(given)) else "no emulator runs")


def _emulator_status(given: argparse.Namespace) -> int:
    folder = _folder(given)
    endpoint = launcher.find_emulator(folder)
    if endpoint is None:
        nothing = json.dumps({"running": False, "data_dir": str(folder)})
        print(nothing if given.json else f"no emulator runs on {folder}")
        return 1
    status = {"running": True, **endpoint.status()}
    if given.json:
        print(json.dumps(status))
    else:
        for name, value in status.items():
            print(f"{name.replace('_', ' '):20} {_plainly(name, value)}")
    return 0


def _plainly(name: str, value: object) -> object:
    """Write a figure of the emulator's as a person would."""
    if isinstance(value, list):
        return ("\n" + " " * 21).join(str(each) for each in value) or "none"
    if name == "pace":
        return amounts.pace(float(str(value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_seconds") and isinstance(value, float):
        return f"{value:g}"
    return value


def _emulator_env(given: argparse.Namespace) -> None:
    environment = launcher.ensure_emulator(_folder(given)).environment()
    if given.json:
        print(json.dumps(environment, indent=2))
        return
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")


def _emulator_reset(given: argparse.Namespace) -> None:
    print(moving.reset(_folder(given), confirmed=given.yes))


def _emulator_export(given: argparse.Namespace) -> None:
    print(moving.export(_folder(given), given.file, with_secrets=given.with_secrets))


def _emulator_import(given: argparse.Namespace) -> None:
    print(moving.take_in(_folder(given), given.file, replace=given.replace))


def _rehearse(given: argparse.Namespace) -> None:
    print(given.rehearse(_folder(given), given))


def _principal_add(given: argparse.Namespace) -> None:
    print(json.dumps(launcher.ensure_emulator(_folder(given)).add_principal(given.named), indent=2))


def _principal_remove(given: argparse.Namespace) -> None:
    launcher.ensure_emulator(_folder(given)).remove_principal(given.named)
    print(f"{given.named} is forgotten; a token that it has is good until it expires")


def _principal_list(given: argparse.Namespace) -> None:
    print(json.dumps(launcher.ensure_emulator(_folder(given)).principals(), indent=2))


def _emulator_approve(given: argparse.Namespace) -> None:
    launcher.ensure_emulator(_folder(given)).approve_device_code(given.code)
    print("approved: the program that showed the code goes on by itself")


def _emulator_image_add(given: argparse.Namespace) -> None:
    folder = str(given.folder.expanduser().absolute()) if given.folder else ""
    launcher.ensure_emulator(_folder(given)).add_image(given.image, given.command, folder)
    print(f"{given.image} now runs {shlex.join(given.command)}")


def _key(given: argparse.Namespace) -> None:
    from aca_notebook.api.workspace import connect

    with connect(given.target) as workspace:
        print(workspace.apps[given.name].key())


def _version(given: argparse.Namespace) -> None:
    del given
    print(f"aca_notebook {metadata.version('aca_notebook')} on Python {sys.version.split()[0]}")


def _doctor(given: argparse.Namespace) -> int:
    """Try each thing the local target needs, and say what to do about what is missing."""
    del given
    checks = (_check_python, _check_uv, _check_home, _check_emulator, _check_environment)
    healthy = True
    for check in checks:
        try:
            finding = check()
        except AcaError as failed:
            healthy = False
            what, said, hint = failed.lines()
            print(f"✗ {what}" + (f"\n    {said}" if said else "") + (f"\n    {hint}" if hint else ""))
        else:
            print(f"✓ {finding}")
    return 0 if healthy else 1


def _check_python() -> str:
    if sys.platform == "win32":
        raise EmulatorFailed("Windows itself cannot run the emulator", hint="use it inside WSL")
    return f"Python {sys.version.split()[0]} at {sys.executable}"


def _check_uv() -> str:
    from uv import find_uv_bin

    try:
        path = find_uv_bin()
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)  # noqa: S603  # uv's own
    except (FileNotFoundError, subprocess.SubprocessError) as missing:
        raise EmulatorFailed(
            "uv does not run", detail=str(missing), hint="pip install --force-reinstall uv"
        ) from missing
    return said.stdout.strip()


def _check_home() -> str:
    home = settings.home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free / 2**30
    except OSError as refused:
        raise EmulatorFailed(
            f"{home} cannot be used", code=type(refused).__name__, detail=str(refused), hint="set ACA_NOTEBOOK_HOME"
        ) from refused
    if free < 1:
        raise EmulatorFailed(f"{home} has {free:.1f} GiB left", hint="free some space")
    return f"state lies in {home}, {free:.0f} GiB free"


def _check_emulator() -> str:
    endpoint = launcher.ensure_emulator(launcher.data_dir(settings.home()))
    return f"the emulator answers at {endpoint.url} (pid {endpoint.pid}, version {endpoint.version or 'unknown'})"


def _check_environment() -> str:
    from aca_notebook.api.workspace import connect

    with connect("local") as workspace:
        return f"environment {workspace.target.environment!r} answers; it has {len(workspace.apps)} apps"


def _demo(given: argparse.Namespace) -> int:
    """Run a copy of the quickstart headless and write it with its outputs, as a notebook and as a page."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    output: Path = given.output.expanduser().absolute()
    output.mkdir(parents=True, exist_ok=True)
    source = _quickstart()
    notebook = nbformat.read(source, as_version=4)
    print(f"running {source.name} against the local emulator …", flush=True)
    client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(output)}})
    failed = False
    try:
        client.execute(stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        failed = True
        print(str(error), file=sys.stderr)
    page = _write_report(notebook, output, source.stem)
    for question, answer in _answers(notebook)[-_SHOWN_ANSWERS:]:
        print(f"  {question}\n      {answer}")
    print(f"the report with its charts: {page.as_uri()}")
    print("the emulator stays up for what comes next, and stops by itself; `aca-notebook emulator stop` stops it now")
    print("open it in JupyterLab with `make lab`, or `jupyter lab` on the notebooks folder")
    return 1 if failed else 0


def _quickstart() -> Path:
    """The wheel carries the notebooks; in a clone they lie beside the package."""
    package = Path(__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / "00_quickstart.ipynb").exists():
            return folder / "00_quickstart.ipynb"
    raise UsageFailed("the quickstart notebook is not here", code="NotInstalled", hint="install aca_notebook again")


def _write_report(notebook: Any, output: Path, name: str) -> Path:
    import nbformat
    from nbconvert import HTMLExporter

    nbformat.write(notebook, output / f"{name}.ipynb")
    body, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    page = output / f"{name}.html"
    page.write_text(body, encoding="utf-8")
    return page


def _answers(notebook: Any) -> list[tuple[str, str]]:
    """What the cells answered, in a line each."""
    from aca_notebook.display import amounts

    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {}) if output.output_type == "execute_result" else {}
            text = data.get("text/plain", "")
            if 'class="dataframe"' in (html := data.get("text/html", "")):
                rows = html.count("<tr") - 1  # one is the header
                text = f"a table with {amounts.plural(rows, 'row')}"
            if text and text != "True":  # a cell that only checks
                found.append((cell.source.strip().splitlines()[-1], text.strip().splitlines()[0][:100]))
    return found


if __name__ == "__main__":
    sys.exit(main())
