"""An engine of overlap-save is one class and its name in the list."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv
from fftconv.geometry import Geometry
from fftconv.methods.maps import Map, Maps
from fftconv.methods.overlap_save import choice
from fftconv.methods.overlap_save.engine import Engine
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra
from fftconv.methods.registry import REGISTRY, put

CASE = Geometry.of((2, 3, 20, 21), (4, 3, 5, 4), padding=2)


class Whole(Engine[int]):
    """The image as one tile, by torch.fft, without a word about tilings."""

    promised = 1e-12

    def __init__(self) -> None:
        self.prepared: list[Geometry] = []

    def serves(self, geometry: Geometry, on_cpu: bool) -> bool:
        return geometry.groups == 1

    def cut(self, geometry: Geometry, item_bytes: int, threads: int) -> int | None:
        side = max(*geometry.padded_size)
        return side if side < 1000 else None

    def run(
        self, geometry: Geometry, cut: int, dtype: torch.dtype, device: torch.device,
        weights: WeightSpectra,
    ) -> Maps:  # fmt: skip
        self.prepared.append(geometry)
        return WholeMaps(geometry, cut)

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, cut: int, item_bytes: int, threads: int,
        learned: bool,
    ) -> float:  # fmt: skip
        return self.promised * len(names)

    def tile(self, cut: int) -> tuple[int, int]:
        return cut, cut

    def transforms(self, cut: int) -> str:
        return "rulers"


class WholeMaps(Maps):
    def __init__(self, geometry: Geometry, side: int) -> None:
        self._geometry, self._fft = geometry, (side, side)

    def _spectra(self, planes: Tensor) -> Tensor:
        return torch.fft.rfft2(planes, s=self._fft)

    def _padded(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self._geometry.padding
        return F.pad(x, (left, right, top, bottom))

    def _back(self, spectra: Tensor, size: tuple[int, int], corner: tuple[int, int]) -> Tensor:
        (height, width), (top, left) = size, corner
        planes = torch.fft.irfft2(spectra, s=self._fft)
        return planes[..., top : top + height, left : left + width].contiguous()

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        x, w = self._spectra(self._padded(x)), self._spectra(w).conj()
        y = self._back(torch.einsum("ncij,ocij->noij", x, w), self._geometry.output_size, (0, 0))
        return y if bias is None else y + bias.view(-1, 1, 1)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        product = torch.einsum("noij,ocij->ncij", self._spectra(g), self._spectra(w))
        corner = self._geometry.padding[0], self._geometry.padding[2]
        return self._back(product, self._geometry.input_size, corner)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        x, g = self._spectra(self._padded(x)), self._spectra(g).conj()
        product = torch.einsum("ncij,noij->ocij", x, g)
        return self._back(product, self._geometry.kernel_size, (0, 0))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    """Put one more name into the list; a method that is registered anew prepares all cases anew."""
    engine, before = Whole(), REGISTRY["overlap_save"]
    monkeypatch.setattr(choice, "ENGINES", (*choice.ENGINES, engine))
    put(OverlapSave())
    yield engine
    put(before)


def test_an_engine_in_the_list_is_chosen_and_used(engine: Whole) -> None:
    x, w, b = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in (
        CASE.input_shape, CASE.weight_shape, (4,)
    ))  # fmt: skip
    y = fftconv.conv2d(x, w, b, padding=2, method="overlap_save")
    wanted = F.conv2d(x, w, b, padding=2)
    torch.testing.assert_close(y, wanted)
    g = torch.randn_like(y)
    for got, true in zip(
        torch.autograd.grad(y, (x, w, b), g), torch.autograd.grad(wanted, (x, w, b), g), strict=True
    ):
        torch.testing.assert_close(got, true)
    assert engine.prepared == [CASE]


def test_auto_takes_the_method_for_the_engine_that_promises_most(engine: Whole) -> None:
    plan = fftconv.plan(CASE.input_shape, CASE.weight_shape, padding=2, needs_grad=True)
    assert set(plan.chosen.values()) == {"overlap_save"}
    assert plan.tile == (25, 25)
    assert "overlap_save transforms tiles of 25 x 25 by rulers" in str(plan).splitlines()
    assert plan.seconds["forward"]["overlap_save"] == engine.promised


def test_strides_and_dilations_are_made_of_plain_cases_for_it(engine: Whole) -> None:
    x, w = torch.randn(1, 2, 17, 18), torch.randn(3, 2, 4, 3)
    for numbers in ({"stride": 2}, {"dilation": (2, 3)}):
        y = fftconv.conv2d(x, w, **numbers, method="overlap_save")
        torch.testing.assert_close(y, F.conv2d(x, w, **numbers), rtol=1e-4, atol=1e-4)
    assert engine.prepared
    assert all(geometry.is_unit for geometry in engine.prepared)


def test_it_is_not_asked_for_what_it_does_not_serve_or_cannot_cut(engine: Whole) -> None:
    grouped = Geometry.of((1, 4, 20, 20), (4, 2, 3, 3), groups=2)
    large = Geometry.of((1, 1, 2000, 20), (1, 1, 3, 3))
    assert choice.choose(CASE, 4).engine is engine
    for geometry in (grouped, large):
        assert choice.choose(geometry, 4).engine is not engine


def test_an_engine_that_promises_less_leaves_the_case_to_the_others(engine: Whole) -> None:
    engine.promised = 1e9
    assert choice.choose(CASE, 4).engine is not engine
