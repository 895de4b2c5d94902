"""The Python of one side, and the variables that it is started with."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Interpreter:
    """What starts a process of one side."""

    python: str = sys.executable
    variables: Mapping[str, str] = field(default_factory=dict)
    """Beside those of the caller."""


def interpreter_of(environment: Any) -> Interpreter:
    """Return what starts a benchmark in an environment of asv's, as asv starts one."""
    python = environment.find_executable("python")
    variables = {
        **environment._global_env_vars,
        **environment.env_vars,
        "PATH": os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)]),
    }
    return Interpreter(python, {name: str(value) for name, value in variables.items()})
