import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import fftconv
from fftconv.geometry import Geometry
from fftconv.machine_code import pool
from fftconv.methods.compiled.division import Shape, divide
from fftconv.methods.maps import Maps
from fftconv.methods.registry import REGISTRY

#: Those that run compiled code in threads, and keep it on disk.
METHODS = ("compiled", "overlap_save")


def operands(geometry: Geometry, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    shapes = geometry.input_shape, geometry.weight_shape, geometry.output_shape
    return tuple(torch.randn(shape, dtype=torch.float64).to(dtype) for shape in shapes)


def prepared(geometry: Geometry, like: Tensor, method: str = "compiled") -> Maps:
    return REGISTRY[method].prepare(geometry, like.dtype, like.device)


def check(geometry: Geometry, x: Tensor, w: Tensor, g: Tensor, method: str = "compiled") -> None:
    """Compare the three maps with torch in float64."""
    tolerance = 2e-5 if x.dtype == torch.float32 else 1e-13
    a, b = x.double().requires_grad_(), w.double().requires_grad_()
    top, bottom, left, right = geometry.padding
    padded = F.pad(a, (left, right, top, bottom))
    y = F.conv2d(padded, b, None, geometry.stride, 0, geometry.dilation, geometry.groups)
    gx, gw = torch.autograd.grad(y, (a, b), g.double())
    maps = prepared(geometry, x, method)
    for name, got, wanted in (
        ("forward", maps.forward(x, w), y.detach()),
        ("grad_input", maps.grad_input(g, w), gx),
        ("grad_weight", maps.grad_weight(x, g), gw),
    ):
        assert got.shape == wanted.shape, name
        assert got.dtype == x.dtype, name
        error = float((got - wanted).abs().max() / wanted.abs().max().clamp_min(1))
        assert error < tolerance, (name, error, geometry)


# Around whole vectors (16 and 8 lanes) and whole tiles (64 columns, 4 rows), both forms of tile.
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130])
def test_widths(width: int, dtype: torch.dtype) -> None:
    for height in (1, 2, 3, 5, 9):
        for kernel in ((1, 1), (2, 3), (3, 3), (4, 1), (5, 5), (7, 16)):
            for padding in (0, (1, 2), (4, 7)):
                pad = padding if isinstance(padding, tuple) else (padding, padding)
                if kernel[0] > height + 2 * pad[0] or kernel[1] > width + 2 * pad[1]:
                    continue
                geometry = Geometry.of((1, 1, height, width), (1, 1, *kernel), padding=padding)
                check(geometry, *operands(geometry, dtype))


# So many planes that a ticket is for several, and the last for fewer.
@pytest.mark.parametrize(("planes", "size"), [(67, (9, 17)), (131, (14, 14)), (260, (3, 40))])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 7)])
def test_many_planes(planes: int, size: tuple[int, int], kernel: tuple[int, int]) -> None:
    padding = kernel[0] // 2, kernel[1] // 2
    shape, weight = (3, planes, *size), (planes, 1, *kernel)
    geometry = Geometry.of(shape, weight, padding=padding, groups=planes)
    check(geometry, *operands(geometry, torch.float32))


# Planes of one input, whole stacks of four of them and not, in tiles of each number of columns.
@pytest.mark.parametrize("width", [5, 16, 17, 32, 40, 48, 63, 64, 97])
@pytest.mark.parametrize("outs", [2, 4, 5, 11])
def test_planes_of_one_input(outs: int, width: int) -> None:
    for height, kernel in ((1, (1, 1)), (6, (2, 3)), (7, (3, 3)), (12, (9, 4))):
        for padding in (0, (kernel[0] // 2, kernel[1] // 2)):
            pad = padding if isinstance(padding, tuple) else (padding, padding)
            if kernel[0] > height + 2 * pad[0] or kernel[1] > width + 2 * pad[1]:
                continue
            geometry = Geometry.of((2, 3, height, width), (outs, 3, *kernel), padding=padding)
            check(geometry, *operands(geometry))


def test_planes_of_one_input_in_double_precision() -> None:
    for width in (5, 9, 33):
        geometry = Geometry.of((2, 3, 7, width), (5, 3, 3, 3), padding=1)
        check(geometry, *operands(geometry, torch.float64))


def test_the_bias_of_each_plane_is_its_own() -> None:
    for outs, size in ((4, 70), (7, 20), (5, 9)):
        x, w = torch.randn(2, 3, size, size), torch.randn(outs, 3, 3, 3)
        bias = torch.randn(outs)
        got = fftconv.conv2d(x, w, bias, padding=1, method="compiled")
        torch.testing.assert_close(got, F.conv2d(x, w, bias, padding=1), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 7), (31, 31), (1, 40), (40, 1), (90, 90)])
def test_filters_up_to_the_image(kernel: tuple[int, int]) -> None:
    for padding in (0, 1, (kernel[0] // 2, kernel[1] // 2)):
        geometry = Geometry.of((1, 1, 90, 90), (1, 1, *kernel), padding=padding)
        check(geometry, *operands(geometry))


def test_channels_groups_stride_dilation() -> None:
    for groups, per_in, per_out in ((1, 3, 4), (3, 1, 1), (2, 2, 3)):
        for stride, dilation in ((1, 1), (2, 1), ((1, 3), (2, 1)), (2, (4, 3)), (4, 6)):
            geometry = Geometry.of(
                (2, groups * per_in, 41, 37), (groups * per_out, per_in, 3, 4), stride, (2, 1),
                dilation, groups,
            )  # fmt: skip
            check(geometry, *operands(geometry))


def test_reads_any_strides() -> None:
    geometry = Geometry.of((2, 3, 20, 30), (4, 3, 3, 3), padding=1)
    x, w, g = operands(geometry)
    larger = torch.randn(2, 3, 25, 40)
    check(geometry, larger[:, :, 2:22, 5:35], w, g)
    check(geometry, x.to(memory_format=torch.channels_last), w, g.transpose(2, 3).mT)
    check(geometry, x[:1].expand(2, 3, 20, 30), w.flip(0), g)
    check(geometry, torch._neg_view(x), torch._neg_view(w), torch._neg_view(g))


def test_threads_change_no_bit() -> None:
    for shape, kernel in (((1, 1, 300, 300), 9), ((8, 4, 60, 60), 3)):
        geometry = Geometry.of(
            shape, (4 if shape[1] > 1 else 1, 1, kernel, kernel), groups=shape[1]
        )
        x, w, g = operands(geometry)
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            maps = prepared(geometry, x)
            results.append([maps.forward(x, w), maps.grad_input(g, w), maps.grad_weight(x, g)])
        assert all(map(torch.equal, results[0], results[1]))
        assert all(map(torch.equal, results[0], results[2]))


@pytest.mark.parametrize("method", METHODS)
def test_python_threads_at_once(method: str) -> None:
    torch.set_num_threads(2)
    geometry = Geometry.of((1, 2, 200, 200), (2, 2, 7, 7))
    cases = [operands(geometry) for _ in range(8)]
    with ThreadPoolExecutor(8) as executor:
        done = [executor.submit(check, geometry, *case, method) for case in cases * 4]
    for future in done:
        future.result()


@pytest.mark.parametrize("method", METHODS)
def test_without_openmp(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_openmp", lambda: None)
    pool.runner.cache_clear()
    torch.set_num_threads(3)
    geometry = Geometry.of((1, 1, 400, 400), (1, 1, 7, 7))
    check(geometry, *operands(geometry), method)
    assert pool.runner() is pool._python_threads
    pool.runner.cache_clear()


def test_specialisations_are_bounded() -> None:
    def specialisations(qs: int) -> set[tuple[str, int, int, int, int]]:
        return {
            (d.form, d.rows, d.planes, d.columns, d.size)
            for size in range(1, 71)
            for other in (1, 2, 3, 4, 7, size)
            for out in (1, 2, 5, 30, 64)
            for d in [divide(Shape(32, 1, 1, qs, 1, (99, 99), (size, other), (out, out), (0, 0)))]
        }

    seen = specialisations(qs=1)
    assert len(seen) <= 30
    for qs in (2, 3, 4, 6):
        assert len(specialisations(qs)) <= 30
    assert {(form, size) for form, *_, size in seen} >= {("broadcast", 3), ("broadcast", 0)}


SCRIPT = """
import torch, numba.core.caching as caching
{before}
import fftconv
x, w = torch.randn(1, 1, 40, 40), torch.randn(1, 1, 3, 3)
y = fftconv.conv2d(x, w, method={method!r})
torch.testing.assert_close(y, torch.nn.functional.conv2d(x, w))
"""


def run(method: str, before: str, cache: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    script = SCRIPT.format(method=method, before=before)
    subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_cache_folder_is_respected_and_used(method: str, tmp_path: Path) -> None:
    run(method, "", tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert kept
    run(method, "", tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == kept


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_no_place_for_a_cache(method: str, tmp_path: Path) -> None:
    run(method, "caching.CacheImpl._locator_classes = []", tmp_path)
    assert not list(tmp_path.rglob("*.nbc"))


class Operators(TorchDispatchMode):
    """Notes the names of torch's operators that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "padding", "groups"),
    [
        ((2, 4, 33, 70), (6, 2, 3, 3), 1, 2),  # wide outputs; whole and masked vectors
        ((1, 1, 40, 40), (1, 1, 37, 38), 0, 1),  # small outputs, in parts that are added up
        ((1, 2, 12, 9), (3, 2, 5, 7), 2, 1),
        ((1, 1, 300, 280), (2, 1, 9, 9), 3, 1),  # in several threads, many tiles
    ],
)
def test_kernels_add_the_bias_themselves(
    method: str, dtype: torch.dtype, x_shape: tuple[int, ...], w_shape: tuple[int, ...],
    padding: int, groups: int,
) -> None:  # fmt: skip
    """An addition of torch's would open a parallel region of its own, and wait for its threads."""
    torch.set_num_threads(2)
    geometry = Geometry.of(x_shape, w_shape, padding=padding, groups=groups)
    x, w, _ = operands(geometry, dtype)
    dense = 10 * torch.randn(w_shape[0], dtype=dtype)
    biases = dense, dense[:1].expand(w_shape[0]), torch._neg_view(dense)
    for image in (x, x.to(memory_format=torch.channels_last)):
        maps = prepared(geometry, x, method)
        plain = maps.forward(image, w)
        for bias in biases:
            with Operators() as called:
                got = maps.forward(image, w, bias)
            torch.testing.assert_close(got, plain + bias.view(-1, 1, 1))
            assert not [name for name in called.names if name.startswith("aten.add")]


@pytest.mark.parametrize("method", METHODS)
def test_an_infinite_bias_spoils_no_other_channel(method: str) -> None:
    geometry = Geometry.of((1, 1, 40, 40), (3, 1, 5, 5))
    x, w, _ = operands(geometry)
    bias = torch.tensor([float("inf"), -0.5, float("nan")])
    maps = prepared(geometry, x, method)
    wanted = maps.forward(x, w) + bias.view(-1, 1, 1)
    torch.testing.assert_close(maps.forward(x, w, bias), wanted, equal_nan=True)
