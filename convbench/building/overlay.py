"""An environment of asv's that lies over an existing one, which stays as it is.

Its Python is the existing one's and finds all that is installed there, behind what is installed
here: two commits stand side by side, with the dependencies that were there already.
"""

import json
import os
from pathlib import Path
from typing import Any

from asv.environment import Environment
from asv.util import UserError, check_output

_FILE = "convbench-existing.pth"
_PATH = "import json, sys; print(json.dumps([folder for folder in sys.path if folder]))"
_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"


class Overlay(Environment):  # type: ignore[misc]  # asv has no annotations
    """Built into by asv's commands, as any environment of asv's."""

    tool_name = "existing"
    matches_python_fallback = False

    def __init__(self, conf: Any, existing: Any) -> None:
        self._existing = existing._executable
        self._requirements: dict[str, str] = {}
        self._python = existing.python
        super().__init__(conf, existing.python, {}, {})

    def check_presence(self) -> bool:
        """Return that it is not there: it is made anew each time."""
        return False

    def _setup(self) -> None:
        variables = _without_python(os.environ)
        check_output(
            [self._existing, "-m", "venv", "--without-pip", self._path], env=variables, dots=False
        )
        python = self.find_executable("python")
        # Nothing that a path file of the existing environment does: an editable installation of
        # the project would come before ours.
        below = _printed(self._existing, _PATH, variables)
        own = _printed(python, _PATH, variables)
        lines = [folder for folder in below if folder not in own and Path(folder).is_dir()]
        Path(self._packages(), _FILE).write_text("\n".join([*lines, ""]), encoding="utf-8")

    def _packages(self) -> str:
        python = self.find_executable("python")
        printed = check_output(
            [python, "-s", "-c", _PACKAGES], env=_without_python(os.environ), dots=False
        )
        return str(printed).strip()

    def _uninstall_project(self) -> None:
        """Leave it: nothing of the project is here, and the existing environment is not ours."""

    def _install_project(self, repo: Any, commit_hash: str, build_dir: str) -> None:
        packages = Path(self._packages())
        before = set(packages.iterdir())
        # What the project depends on is that of the existing environment, whatever its version.
        self._tagged_env_vars["build", "PIP_NO_DEPS"] = "1"
        try:
            super()._install_project(repo, commit_hash, build_dir)
        finally:
            del self._tagged_env_vars["build", "PIP_NO_DEPS"]
        if set(packages.iterdir()) == before:
            raise UserError("install_command installs nothing into its environment")

    def run(self, args: list[str], **options: Any) -> Any:
        """Run its Python."""
        return self.run_executable("python", args, **options)


def _without_python(environ: Any) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("PYTHON")}


def _printed(python: str, code: str, variables: dict[str, str]) -> list[str]:
    # Not from a folder whose modules would be found, and without the user's own packages.
    printed = check_output([python, "-s", "-c", code], env=variables, dots=False)
    return [str(folder) for folder in json.loads(printed)]
