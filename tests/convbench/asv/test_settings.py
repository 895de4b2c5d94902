"""Results under other settings are kept apart, by asv's own means."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from asv import environment

from convbench.asv.settings import make_asv_know_settings, with_settings

REQ = {"torch": ["2.13.0"]}


@pytest.mark.parametrize(
    ("matrix", "settings", "found"),
    [
        ({"req": REQ}, {}, {"req": REQ}),
        (REQ, {}, REQ),
        (REQ, {"A": "1"}, {"req": REQ, "env_nobuild": {"A": ["1"]}}),
        ({"req": REQ, "env": {"A": ["2"]}}, {"A": "1"}, {"req": REQ, "env": {"A": ["2"]}}),
        (
            {"env_nobuild": {"A": ["1", "2"]}},
            {"A": "1", "B": ""},
            {"env_nobuild": {"A": ["1", "2"], "B": [""]}},
        ),
    ],
)
def test_the_matrix_gets_what_it_does_not_name_itself(matrix, settings, found) -> None:
    assert with_settings(matrix, settings) == found


def test_asvs_environments_have_the_settings_and_are_named_by_them(monkeypatch) -> None:
    seen: list[dict[str, object]] = []

    def get_environments(
        conf: SimpleNamespace, env_specifiers: list[str], verbose: bool = True
    ) -> Iterator[str]:
        seen.append(conf.matrix)
        yield "environment"

    monkeypatch.setattr(environment, "get_environments", get_environments)
    make_asv_know_settings({"NUMBA_OPT": "2"})
    conf = SimpleNamespace(matrix={"req": REQ})
    assert list(environment.get_environments(conf, [])) == ["environment"]
    assert list(environment.get_environments(conf, [])) == ["environment"]
    assert seen[0] == seen[1] == {"req": REQ, "env_nobuild": {"NUMBA_OPT": ["2"]}}
    # What asv makes of it: another name of the results, the same folder of packages.
    tagged = {("nobuild", "NUMBA_OPT"): "2"}
    named = environment.get_env_name("virtualenv", "3.11", {}, tagged)
    assert named.endswith("NUMBA_OPT2")
    assert environment.get_env_name("virtualenv", "3.11", {}, tagged, build=True) == (
        environment.get_env_name("virtualenv", "3.11", {}, {}, build=True)
    )
