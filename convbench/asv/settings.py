"""Have asv keep results under other settings apart: as variables of its own matrix.

asv has a place for what is set when a benchmark runs, `env_nobuild` of the configuration's matrix:
it stands in the name of the file of results, and the published graphs of different values are
different lines. What the caller's environment holds is put there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = ("req", "env", "env_nobuild")


def with_settings(matrix: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Return a matrix of asv's that has the settings, too; what the matrix says itself stays.

    Examples
    --------
    >>> with_settings({"req": {"torch": ["2.13.0"]}}, {"OMP_NUM_THREADS": "1"})
    {'req': {'torch': ['2.13.0']}, 'env_nobuild': {'OMP_NUM_THREADS': ['1']}}
    """
    # In asv's older form the matrix is its requirements.
    parts = dict(matrix) if any(kind in matrix for kind in _KINDS) else {"req": dict(matrix)}
    said = {*parts.get("env", {}), *parts.get("env_nobuild", {})}
    added = {name: [value] for name, value in settings.items() if name not in said}
    if not added:
        return dict(matrix)
    return {**parts, "env_nobuild": {**parts.get("env_nobuild", {}), **added}}


def make_asv_know_settings(settings: Mapping[str, str]) -> None:
    """Have asv give these variables to its environments, and name its results by them."""
    from asv import environment

    get_environments = environment.get_environments

    def with_settings_of_caller(conf: Any, *args: Any, **options: Any) -> Iterator[Any]:
        conf.matrix = with_settings(conf.matrix, settings)
        yield from get_environments(conf, *args, **options)

    environment.get_environments = with_settings_of_caller
