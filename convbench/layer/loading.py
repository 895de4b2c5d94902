"""Find what ``package.module:callable`` names, and make a layer of it."""

import ast
import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.autograd import Function

from convbench.command_line.failure import MisuseError
from convbench.layer.errors import line, message

_NAME = re.compile(
    r"(?P<module>\w+(\.\w+)*):(?P<path>\w+(\.\w+)*)(?P<arguments>\(.*\))?", re.DOTALL
)
_SEED = 0

Layer = Callable[..., Any]


def load(name: str, inputs: int) -> Layer:
    """Return the layer that is named: a module, or a function of this many inputs.

    A class of modules is called, with the literal arguments that the name has if it has any; so is
    a function that takes no such inputs, which is a factory. A module's parameters are drawn with
    one seed, so that those of a layer and of its reference are alike where their shapes are.

    Raises
    ------
    MisuseError
        There is no such thing, it cannot be made, or it cannot be called.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise MisuseError(f"{name!r} is no package.module:callable")
    thing = _attribute(_imported(found["module"]), found["module"], found["path"])
    if found["arguments"] is not None:
        made = _made(thing, name, *_literals(name, found["arguments"]))
    elif inspect.isclass(thing) and issubclass(thing, Function):
        made = thing.apply
    elif inspect.isclass(thing) or (_is_factory(thing, inputs) and callable(thing)):
        made = _made(thing, name, (), {})
    else:
        made = thing
    if not callable(made):
        raise MisuseError(f"{name} is not callable, but {_kind(made)}")
    layer: Layer = made
    return layer


def _kind(thing: object) -> str:
    kind = type(thing).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def _imported(module: str) -> Any:
    # As `python -m` does; a command that was installed has its own folder there.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(f"{missing}."):
            raise MisuseError(f"there is no module {missing}") from error
        raise MisuseError(f"cannot import {module}: {message(error)}") from error
    except (Exception, SystemExit) as error:
        raise MisuseError(f"cannot import {module}: {line(error)}") from error


def _attribute(found: Any, module: str, path: str) -> Any:
    try:
        return functools.reduce(getattr, path.split("."), found)
    except AttributeError:
        raise MisuseError(f"{module} has no {path}") from None


def _literals(name: str, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that stand in parentheses behind a name."""
    try:
        call = ast.parse(f"f{text}", mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)  # else it is f(3)(3)
        # A mapping that is spread (**) has no name, and is no literal of arguments.
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        return tuple(map(ast.literal_eval, call.args)), named
    except (AssertionError, ValueError, SyntaxError):
        raise MisuseError(
            f"the arguments of {name!r} are no Python literals such as (3, bias=False)"
        ) from None


def _takes(thing: Any, count: int) -> bool | None:
    """Whether something can be called with so many arguments; None if it does not tell."""
    try:
        inspect.signature(thing).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # written in C
        return None
    return True


def _is_factory(thing: Any, inputs: int) -> bool:
    if isinstance(thing, torch.nn.Module) or not callable(thing):
        return False
    if not _takes(thing, 0):
        return False
    if not _takes(thing, inputs):
        return True
    # It could be either: what it makes tells.
    try:
        return isinstance(_seeded(thing, (), {}), torch.nn.Module)
    except (Exception, SystemExit):
        return False


def _seeded(thing: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return thing(*arguments, **named)


def _made(thing: Any, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if not callable(thing):
        raise MisuseError(f"{name} is not callable, but {_kind(thing)}")
    try:
        return _seeded(thing, arguments, named)
    except (Exception, SystemExit) as error:
        called = name if name.endswith(")") else f"{name}()"
        raise MisuseError(f"{called} failed: {line(error)}") from error
