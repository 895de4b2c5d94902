"""Items on workers that are dask's own: what comes back, what a dead worker loses, what is said."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from convbench.command_line.failure import CommandError
from convbench.sweep import dealing
from convbench.sweep.dealing import Dealer, Item


@pytest.fixture(autouse=True)
def often(monkeypatch) -> None:
    monkeypatch.setattr(dealing, "_LOOK_S", 0.5)


def item(kind, code: str, group: str = "group") -> Item:
    return Item(f"of {group}", kind, ("run", code), 1.0, group)


def made(text: str) -> str:
    return f"Path(folder, 'made').write_text({text!r})"


def deal(site, items: list[Item]) -> tuple[list, str]:
    console = Console(width=1000)
    with console.capture() as captured:
        outcomes = sorted(Dealer(site, console).deal(items), key=lambda ended: ended[0])
    assert [index for index, _ in outcomes] == list(range(len(items)))
    return [outcome for _, outcome in outcomes], captured.get()


def test_what_items_make_comes_back_from_checkouts_of_each_workers_own(sited) -> None:
    site, kind = sited(2)
    code = (
        "import os, time; time.sleep(0.5); Path(folder, 'sub').mkdir();"
        "Path(folder, 'sub', 'at').write_text(os.getcwd())"
    )
    outcomes, _ = deal(site, [item(kind, code) for _ in range(6)])
    assert [outcome.problem for outcome in outcomes] == [""] * 6
    folders = {outcome.files["sub/at"].decode() for outcome in outcomes}
    assert len(folders) == 2
    assert not any(Path(folder).is_relative_to(Path.cwd()) for folder in folders)
    assert {outcome.files["options"].decode() for outcome in outcomes} == {
        repr(["--set", "FFTCONV_A=1=2"])
    }
    assert {outcome.address for outcome in outcomes} == {"127.0.0.1"}


def test_a_killed_worker_loses_its_item_only_and_another_does_it(sited, tmp_path) -> None:
    site, kind = sited(2)
    begun = tmp_path / "begun"
    # The first to come kills its worker, which is its parent, and would never end itself.
    code = (
        "import os, time\n"
        "try:\n"
        f"    open({str(begun)!r}, 'x').write(str(os.getppid()))\n"
        "except FileExistsError:\n"
        "    Path(folder, 'by').write_text(str(os.getppid()))\n"
        "else:\n"
        "    os.kill(os.getppid(), 9)\n"
        "    time.sleep(600)\n"
    )
    outcomes, _ = deal(
        site,
        [item(kind, made("before"), "a"), item(kind, code, "b"), item(kind, made("after"), "c")],
    )
    assert [outcome.problem for outcome in outcomes] == [""] * 3
    assert outcomes[0].files["made"] == b"before"
    assert outcomes[2].files["made"] == b"after"
    assert outcomes[1].files["by"].decode() != begun.read_text()
    assert not psutil.pid_exists(int(begun.read_text()))


@pytest.mark.slow
def test_an_item_that_kills_every_worker_is_given_up_with_one_line(sited) -> None:
    site, kind = sited(2)
    deadly = item(kind, "import os; os.kill(os.getppid(), 9)", "a")
    outcomes, _ = deal(site, [deadly, item(kind, made("it"), "b")])
    assert outcomes[0].problem == "the workers that took it died, one after the other"
    assert outcomes[1].problem == ""
    assert outcomes[1].files["made"] == b"it"


def test_what_failed_of_a_commit_is_not_tried_with_its_other_parts(sited, tmp_path) -> None:
    site, kind = sited(1)
    counted = tmp_path / "counted"
    broken = item(
        kind, f"open({str(counted)!r}, 'a').write('x'); print('it has no wings'); sys.exit(1)", "a"
    )
    outcomes, _ = deal(site, [broken, broken, item(kind, made("it"), "b")])
    assert [outcome.problem.split(" (")[0] for outcome in outcomes] == ["it has no wings"] * 2 + [
        ""
    ]
    assert counted.read_text() == "x"


def test_a_host_that_cannot_measure_gets_no_more_items_and_no_item_is_lost(sited, tmp_path) -> None:
    site, kind = sited(2)
    bad = tmp_path / "bad"
    # The worker that comes first cannot be made ready.
    code = (
        "import os, time\n"
        "try:\n"
        f"    open({str(bad)!r}, 'x').write(str(os.getppid()))\n"
        "except FileExistsError:\n"
        "    pass\n"
        f"if open({str(bad)!r}).read() == str(os.getppid()):\n"
        "    print('there is no index'); sys.exit(4)\n"
        "time.sleep(0.3)\n"
    )
    outcomes, printed = deal(site, [item(kind, code, name) for name in "abcdef"])
    assert [outcome.problem for outcome in outcomes] == [""] * 6
    assert printed.count("gets no more items: there is no index") == 1
    ((_, left),) = site.places().items()
    assert len(left) == 1


def test_without_a_host_that_can_measure_all_ends_with_the_reason(sited) -> None:
    site, kind = sited(1)
    items = [item(kind, "print('there is no index'); sys.exit(4)", name) for name in "abc"]
    outcomes, _ = deal(site, items)
    assert all(outcome.problem.startswith("there is no index") for outcome in outcomes)


def test_it_ends_with_a_line_when_the_scheduler_is_gone(sited, monkeypatch) -> None:
    site, kind = sited(1)
    dealt = Dealer(site, Console()).deal([item(kind, "import time; time.sleep(600)")])
    wait = dealing.wait

    def closed_meanwhile(futures: object, **options: object) -> object:
        site.client.cluster.close()
        return wait(futures, **options)

    monkeypatch.setattr(dealing, "wait", closed_meanwhile)
    with pytest.raises(CommandError, match="the scheduler is gone"):
        next(dealt)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_measures_ends_with_its_worker(repository, tmp_path, number) -> None:
    """By its standard input, as item.py does it: no orphan measures beside what comes next."""
    code = (
        "import subprocess, sys, time\n"
        "from convbench.sweep.item import _end_with_input\n"
        "_end_with_input()\n"
        "try:\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        f"    open({str(tmp_path / 'ended')!r}, 'w').close()\n"
    )
    starter = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {code!r}], stdin=subprocess.PIPE)\n"
        "p.wait()\n"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", starter], cwd=root, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"begun\n"
        os.kill(worker.pid, number)
        worker.wait()
    end = time.monotonic() + 30
    while not (tmp_path / "ended").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert (tmp_path / "ended").exists()
