"""Count instructions with valgrind's callgrind: the same number, nearly, at every run.

The counted process calls `count_calls`, and is started by `instructions`. Until its calls are
ready callgrind is told to keep out of the way, since importing torch takes twenty seconds under
valgrind as it is, and minutes if every instruction is counted. (That is what
`torch.utils.benchmark.Timer.collect_callgrind` does, and it does so for each statement.)
"""

import ctypes
import mmap
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Requests that a program makes of valgrind and callgrind: their manuals' numbers.
_RUNNING_ON_VALGRIND = 0x1001
_DUMP, _ZERO, _START = 0x43540000, 0x43540001, 0x43540004

# The request as the processor sees it: rotations that cancel out and an exchange of a register
# with itself, which valgrind takes for a message. Outside of valgrind it does nothing.
_REQUEST = bytes.fromhex(
    "48 89 f8"  # mov rax, rdi: the address of the request and its arguments
    "31 d2"  # xor edx, edx: the answer if nobody listens
    "48 c1 c7 03  48 c1 c7 0d  48 c1 c7 3d  48 c1 c7 33"  # rol rdi by 3, 13, 61, 51
    "48 87 db"  # xchg rbx, rbx
    "48 89 d0"  # mov rax, rdx
    "c3"  # ret
)

# Counted are this many calls, and twice as many: the difference is of calls alone.
_CALLS = 3


class CountError(Exception):
    """Nothing was counted; the message says why, in one line."""


def unavailable() -> str | None:
    """Say in a sentence why instructions cannot be counted here, or return None if they can."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "Instructions are not counted: that is done on Linux on x86-64 alone."
    if shutil.which("valgrind") is None:
        return "Instructions are not counted: valgrind is not installed."
    if " avx2 " not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        return "Instructions are not counted: this processor has no AVX2."
    return None


def require() -> None:
    """Raise CountError if instructions cannot be counted here."""
    reason = unavailable()
    if reason is not None:
        raise CountError(reason)


def _requester() -> Callable[[int], int]:
    """Return a function that makes a request of valgrind, by its number."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_REQUEST)
    code = ctypes.c_char.from_buffer(memory)
    function = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p)(ctypes.addressof(code))
    arguments = (ctypes.c_size_t * 6)()

    def request(number: int, _code: object = code) -> int:  # which keeps the memory alive
        arguments[0] = number
        return int(function(ctypes.addressof(arguments)))

    return request


def count_calls(calls: Sequence[Callable[[], object]]) -> None:
    """Have callgrind count each call, if this process runs under it. Warm the calls up before.

    File 2i + 1 becomes that of `_CALLS` calls of ``calls[i]``, file 2i + 2 that of twice as many.
    """
    request = _requester()
    if not request(_RUNNING_ON_VALGRIND):
        return
    request(_START)
    for call in calls:
        for count in (_CALLS, 2 * _CALLS):
            request(_ZERO)
            for _ in range(count):
                call()
            request(_DUMP)


def instructions(
    command: Sequence[str], number: int, folder: Path, environment: Mapping[str, str]
) -> list[int]:
    """Run a command that gives `number` calls to `count_calls`; return each one's instructions.

    Raises
    ------
    CountError
        There is no valgrind here, or the command failed.
    """
    require()
    output = folder / "callgrind.out"
    options = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}"]
    run(["valgrind", *options, *command], folder, environment)
    return [_difference(output, index) for index in range(number)]


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command in a folder; raise CountError with its last words if it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("==")]
        last = said[-1] if said else "it said nothing"
        raise CountError(f"{command[0]} ended with status {done.returncode}: {last}")


def _difference(output: Path, index: int) -> int:
    """Return the instructions of one call, the file numbers being as `count_calls` says."""
    once, twice = (_total(output.with_name(f"{output.name}.{2 * index + n}")) for n in (1, 2))
    return round((twice - once) / _CALLS)


def _total(path: Path) -> int:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("totals:"):
                return int(line.split()[1])
    raise CountError(f"callgrind's file {path.name} has no total")
