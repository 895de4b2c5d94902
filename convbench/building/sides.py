"""Both sides: an environment of asv's each, and in it one commit, built by asv's commands."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convbench.building.interpreter import Interpreter, interpreter_of
from convbench.building.saying import failed, heard, refused
from convbench.building.source import Source
from convbench.command_line.failure import MisuseError


def chosen_environment(conf: Any, specification: str | None) -> tuple[Any, list[str]]:
    """Return the environment that both sides are to have, and what there is to say of the choice.

    Parameters
    ----------
    conf
        asv's configuration.
    specification
        As asv's ``-E``: None for the first of the configuration's matrix.

    Raises
    ------
    MisuseError
        There is no such environment.
    """
    from asv.environment import get_environments

    if conf.environment_type is None and specification is not None:
        # asv fails over what the configuration leaves out, also where it is said beside it.
        conf = copy.copy(conf)
        conf.environment_type = specification.partition(":")[0]
    with refused("the environment"), heard() as said:
        found = list(get_environments(conf, [specification] if specification else None))
    if not found:
        why = f": {said[-1].strip()}" if said else ""
        raise MisuseError(f"asv has no environment of {specification or 'the configuration'}{why}")
    if len(found) == 1:
        return found[0], []
    others = f"the first of {len(found)} environments that the configuration names"
    return found[0], [f"compared in {found[0].name}, {others}; -E chooses"]


def build(
    conf: Any,
    specification: str | None,
    sources: dict[str, Source],
    folder: Path,
    tell: Callable[[str], None],
) -> dict[str, Interpreter]:
    """Build and install each side's commit, and return what starts its processes.

    asv has room for one commit in an environment, so each side gets one of its own. They are kept
    where asv keeps its own, and so are the built wheels, which asv's own runs find again. Only what
    lies over an existing environment is in `folder` and goes with it.

    Raises
    ------
    MisuseError
        One of them cannot be built; with the last line that was said.
    """
    from asv.environment import ExistingEnvironment

    from convbench.building.overlay import Overlay

    asvs_own, _ = chosen_environment(conf, specification)
    over = isinstance(asvs_own, ExistingEnvironment)
    made = {}
    for side, source in sources.items():
        own = copy.copy(conf)
        own.env_dir = str(folder / "env" / side if over else Path(conf.env_dir, "convbench", side))
        tell(f"building {side.upper()} by asv's commands")
        environment, _ = chosen_environment(own, specification)
        with failed(f"{side.upper()} cannot be built"):
            if over:
                environment = Overlay(own, environment)
            else:
                environment._cache = asvs_own._cache
            environment.create()
            environment.install_project(own, source.repository, source.commit)
            made[side] = interpreter_of(environment)
    return made
