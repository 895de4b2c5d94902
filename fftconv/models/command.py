"""``python -m fftconv survey``: what each method takes for the layers of a model, from a shell."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from fftconv.models.survey import Survey

MISUSE, INTERRUPTED = 2, 130
"""Exit statuses: of what cannot be, and of what Ctrl-C ended, as shells have it."""


class _MisuseError(Exception):
    """Something that the command line asks for in vain; the message is a line."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "survey",
        help="measure each method on each layer of a model",
        description="Measure each method on each Conv2d of a model, with the shapes that it has.",
    )
    parser.add_argument(
        "model", metavar="PACKAGE.MODULE:CALLABLE", help="what returns the model, or is it"
    )
    parser.add_argument(
        "--input",
        type=_shape,
        action="append",
        required=True,
        metavar="1x3x224x224",
        help="random numbers of this shape to call it with; once for each of its inputs",
    )
    parser.add_argument(
        "--backward",
        action="store_true",
        help="steps of training, gradients and all (default: the forward pass, in evaluation mode)",
    )
    parser.add_argument("--methods", type=_names, metavar="A,B", help="only these (and as it is)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep everything in this file")
    parser.set_defaults(run=run)


def _shape(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size) for size in text.split("x"))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape such as 1x3x224x224")
    return sizes


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def run(options: argparse.Namespace) -> int:
    """Survey the model, print the table, and return the exit status."""
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True)
    try:
        found = _surveyed(options, console)
        print(found)
        if options.json is not None:
            _write(options.json, found.to_json())
    except _MisuseError as error:
        console.print(f"fftconv survey: {error}", style="red", markup=False, highlight=False)
        return MISUSE
    except KeyboardInterrupt:
        console.print("fftconv survey: interrupted", style="red")
        return INTERRUPTED
    return 0


def _surveyed(options: argparse.Namespace, console: Any) -> Survey:
    from rich.markup import escape
    from rich.progress import Progress

    from fftconv._files import check_writable
    from fftconv.methods.registry import check_name
    from fftconv.models.surveying import survey

    path = options.json
    if path is not None and not path.parent.is_dir():
        raise _MisuseError(f"cannot write {path}: there is no folder {path.parent}")
    try:
        if path is not None:
            check_writable(path)  # before anything is measured
    except OSError as error:
        raise _MisuseError(f"cannot write {path}: {error.strerror}") from error
    try:
        for name in options.methods or ():
            check_name(name)
        model = _model(options.model)
        if not options.backward:
            _theirs(f"{options.model}.eval()", model.eval)
        inputs = [_input(shape) for shape in options.input]
        directions: Any = ("forward", "backward") if options.backward else ("forward",)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("", total=1.0)

            def tell(share: float, what: str) -> None:
                progress.update(task, completed=share, description=escape(what))

            return survey(
                model, *inputs, directions=directions, methods=options.methods, progress=tell
            )
    except (ValueError, NotImplementedError, ImportError) as error:
        raise _MisuseError(_line(error)) from error
    except SystemExit as error:
        raise _MisuseError(f"the model ended the program ({error.code})") from error


def _input(shape: tuple[int, ...]) -> torch.Tensor:
    import torch

    try:
        return torch.randn(shape)
    except (RuntimeError, OverflowError, TypeError) as error:
        sizes = "x".join(map(str, shape))
        raise _MisuseError(f"cannot make an input of {sizes}: {_line(error)}") from error


def _theirs(what: str, call: Callable[[], Any]) -> Any:
    """Return what somebody's own code returns, whatever it raises or ends."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        raise _MisuseError(f"{what} failed: {type(error).__name__}: {_line(error)}") from error


def _model(name: str) -> torch.nn.Module:
    """Find what is named, and call it unless it is a model."""
    import torch

    module, _, path = name.partition(":")
    if not (module and path):
        raise _MisuseError(f"the model must be named as package.module:callable, got {name!r}")
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        said = "" if isinstance(error, ModuleNotFoundError) else f"{type(error).__name__}: "
        raise _MisuseError(f"cannot import {module}: {said}{_line(error)}") from error
    try:
        for part in path.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise _MisuseError(f"{module} has no {path}") from error
    if not isinstance(found, torch.nn.Module):
        if not callable(found):
            raise _MisuseError(
                f"{name} is neither a model nor callable, but {type(found).__name__}"
            )
        found = _theirs(f"{name}()", found)
    if not isinstance(found, torch.nn.Module):
        raise _MisuseError(f"{name} returns no torch.nn.Module, but {type(found).__name__}")
    return found


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _write(path: Path, text: str) -> None:
    from fftconv._files import write

    try:
        write(path, (text + "\n").encode())
    except OSError as error:
        raise _MisuseError(f"cannot write {path}: {error.strerror}") from error
