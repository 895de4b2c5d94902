"""One conv2d case: its sizes, stride, padding, dilation and groups, checked once for every method.

Nothing here looks at the values or the dtype of a tensor; a method that is handed a `Geometry` may
trust every number in it. Arguments are read here, too, in one long file, since each call comes this
way and should pass through few.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from operator import index
from typing import SupportsIndex, TypeAlias, cast

import numpy as np
import torch

Size: TypeAlias = int | tuple[int, ...] | list[int]
Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[int, int, int, int]

#: Cases that each cache of what follows from one keeps, the oldest going first. A ResNet-50 has 23
#: at each image size, so that more than a hundred sizes come and go without planning anew; prepared
#: cases take 3 to 15 kB each, 60 MB in all at most.
CASES_KEPT = 4096
#: The largest number that torch takes: one of 64 bits. The widest number of a tensor has 16 bytes.
MOST, WIDEST = 2**63 - 1, 16


@dataclass(frozen=True, slots=True)
class Geometry:
    """The sizes of one 2-D cross-correlation.

    The mistakes that remain possible raise ``RuntimeError``, as `torch.nn.functional.conv2d` does.

    Attributes
    ----------
    batch, in_channels, out_channels, groups
        N, C_in, C_out and the number of groups that the channels are split into.
    input_size, kernel_size
        (H, W) of the input without padding, (kH, kW) of the weight.
    stride, dilation
        Step between outputs and step between taps, (vertical, horizontal).
    padding
        Zeros around the input: (top, bottom, left, right). The two sides of a dimension differ with
        ``padding='same'`` and a filter of even extent, and where the input is a part of an image.
    output_size
        (H_out, W_out).
    input_shape, weight_shape, output_shape
        (N, C_in, H, W), (C_out, C_in / groups, kH, kW) and (N, C_out, H_out, W_out).
    channels_per_group
        Input and output channels of one group.
    is_unit
        Whether stride and dilation are 1.
    is_one_column
        Whether filter, input and output are one column wide, so that columns lie as rows would.
    """

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input_size: Pair
    kernel_size: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    output_size: Pair = field(init=False, compare=False)
    input_shape: tuple[int, int, int, int] = field(init=False, repr=False, compare=False)
    weight_shape: tuple[int, int, int, int] = field(init=False, repr=False, compare=False)
    output_shape: tuple[int, int, int, int] = field(init=False, repr=False, compare=False)
    channels_per_group: Pair = field(init=False, repr=False, compare=False)
    is_unit: bool = field(init=False, repr=False, compare=False)
    is_one_column: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every number and derive the shapes."""
        _check_numbers(self)
        padded, extent = self.padded_size, self.kernel_extent
        if extent[0] > padded[0] or extent[1] > padded[1]:
            dilated = "" if tuple(self.dilation) == (1, 1) else f" with dilation {self.dilation}"
            raise RuntimeError(
                f"kernel size {self.kernel_size}{dilated} is larger than the padded input {padded}"
            )
        room = padded[0] - extent[0], padded[1] - extent[1]
        output_size = room[0] // self.stride[0] + 1, room[1] // self.stride[1] + 1
        derived = {
            "output_size": output_size,
            "input_shape": (self.batch, self.in_channels, *self.input_size),
            "weight_shape": (
                self.out_channels,
                self.in_channels // self.groups,
                *self.kernel_size,
            ),
            "output_shape": (self.batch, self.out_channels, *output_size),
            "channels_per_group": (
                self.in_channels // self.groups,
                self.out_channels // self.groups,
            ),
            "is_unit": tuple(self.stride) == (1, 1) == tuple(self.dilation),
            # The sizes that a traced program may leave open come first: none of them is 1.
            "is_one_column": 1 == self.input_size[1] == self.kernel_size[1] == output_size[1],
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen
        sizes = *self.input_shape, *self.output_shape, *padded, *extent
        if all(type(size) is int for size in sizes):  # none that a traced program leaves open
            _check_counts(self)
            # Steps beyond the image lead nowhere; places in memory overflow with such.
            for name, (down, right) in (("stride", self.stride), ("dilation", self.dilation)):
                within = min(down, padded[0] + 1), min(right, padded[1] + 1)
                object.__setattr__(self, name, within)

    @property
    def padded_size(self) -> Pair:
        """(H, W) of the input with its padding."""
        top, bottom, left, right = self.padding
        return self.input_size[0] + top + bottom, self.input_size[1] + left + right

    @property
    def kernel_extent(self) -> Pair:
        """(height, width) that the dilated filter covers."""
        return (
            (self.kernel_size[0] - 1) * self.dilation[0] + 1,
            (self.kernel_size[1] - 1) * self.dilation[1] + 1,
        )

    @property
    def numbers(self) -> int:
        """How many numbers input and output have together."""
        return self.batch * (
            self.in_channels * area(self.input_size) + self.out_channels * area(self.output_size)
        )

    @property
    def macs(self) -> int:
        """Multiplications and additions of the definition, padding counted as data."""
        planes = self.batch * self.out_channels * (self.in_channels // self.groups)
        return planes * area(self.output_size) * area(self.kernel_size)

    @classmethod
    def of(
        cls,
        input_shape: Sequence[int],
        weight_shape: Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> "Geometry":
        """Make a geometry of the arguments of `torch.nn.functional.conv2d`.

        Parameters
        ----------
        input_shape
            (N, C_in, H, W).
        weight_shape
            (C_out, C_in / groups, kH, kW).
        stride, padding, dilation, groups
            As in `torch.nn.functional.conv2d`; `padding` may be ``'same'`` or ``'valid'``.

        Raises
        ------
        RuntimeError
            If the shapes and numbers do not fit together.
        TypeError
            If an argument is no integer, pair or (for `padding`) string.
        """
        steps = pair("stride", stride)
        dilations = pair("dilation", dilation)
        whole_groups = integer("groups", groups)
        _check_channels(input_shape, weight_shape, whole_groups)
        return cls(
            batch=input_shape[0],
            in_channels=input_shape[1],
            out_channels=weight_shape[0],
            groups=whole_groups,
            input_size=(input_shape[2], input_shape[3]),
            kernel_size=(weight_shape[2], weight_shape[3]),
            stride=steps,
            dilation=dilations,
            padding=sides(padding, (weight_shape[2], weight_shape[3]), steps, dilations),
        )


def one_form(
    stride: Size, padding: Size | str, dilation: Size, groups: int
) -> tuple[Pair, Pair | str, Pair, int]:
    """Bring the arguments of a call to one form, in which equal calls are equal and hashable."""
    return (
        pair("stride", stride),
        padding if type(padding) is str else _words_or_pair(padding),
        pair("dilation", dilation),
        groups if type(groups) is int else integer("groups", groups),
    )


def _words_or_pair(padding: Size | str) -> Pair | str:
    return str(padding) if isinstance(padding, str) else pair("padding", padding)


def area(size: Pair) -> int:
    """Return the number of places in (height, width)."""
    return size[0] * size[1]


def pair(name: str, value: int | Sequence[int]) -> Pair:
    """Read an integer or a sequence of one or two integers as (vertical, horizontal)."""
    if type(value) is tuple and len(value) == 2 and type(value[0]) is type(value[1]) is int:
        if -MOST <= value[0] <= MOST >= value[1] >= -MOST:
            return value  # as layers have it: not looked at more closely than need be
        raise TypeError(_too_large(name, value))
    if isinstance(value, (tuple, list)):
        try:
            numbers = [integer(name, number) for number in value]
        except ValueError:  # torch has another error for numbers of a pair
            raise TypeError(_too_large(name, value)) from None
        if len(numbers) not in (1, 2):
            raise RuntimeError(f"{name} must be one integer or a pair, got {value}")
        return numbers[0], numbers[-1]
    number = integer(name, value)
    return number, number


def sides(
    padding: int | Sequence[int] | str, kernel_size: Pair, stride: Pair, dilation: Pair
) -> Sides:
    """Read conv2d's `padding` as zeros on (top, bottom, left, right)."""
    if not isinstance(padding, str):
        vertical, horizontal = pair("padding", padding)
        return vertical, vertical, horizontal, horizontal
    if padding == "valid":
        return 0, 0, 0, 0
    if padding != "same":
        raise RuntimeError(f"padding must be 'same', 'valid' or numbers, got {padding!r}")
    if stride != (1, 1):
        raise RuntimeError(f"padding='same' is not supported with stride {stride}, only with 1")
    height = dilation[0] * (kernel_size[0] - 1)
    width = dilation[1] * (kernel_size[1] - 1)
    # torch puts the odd zero at the end.
    return height // 2, height - height // 2, width // 2, width - width // 2


def integer(name: str, value: object) -> int:
    """Read one whole number, as torch does."""
    if type(value) is int:
        if not -MOST <= value <= MOST:
            raise ValueError(_too_large(name, value))
        return value
    if isinstance(value, torch.SymInt):
        return cast(int, value)  # asking a traced program for the number would fix it
    try:
        # A tensor or an array of one whole number says so only when it is asked.
        # A truth of numpy before 2.3 warns, and is then a number.
        if not isinstance(value, (bool, np.bool_)) and isinstance(value, SupportsIndex):
            return integer(name, index(value))
    except TypeError:
        pass
    raise TypeError(f"{name} must be an integer or a pair, got {type(value).__name__}")


def _too_large(name: str, value: object) -> str:
    return f"{name} must fit into 64 bits, got {value}"


def _check_channels(input_shape: Sequence[int], weight_shape: Sequence[int], groups: int) -> None:
    if groups <= 0:
        raise RuntimeError(f"groups must be positive, got {groups}")
    out_channels = weight_shape[0]
    if out_channels < groups or out_channels % groups:
        raise RuntimeError(
            f"weight of shape {tuple(weight_shape)} must have a multiple of groups={groups} "
            f"output channels"
        )
    if input_shape[1] != weight_shape[1] * groups:
        raise RuntimeError(
            f"input of shape {tuple(input_shape)} must have {weight_shape[1] * groups} channels "
            f"for weight of shape {tuple(weight_shape)} and groups={groups}, got {input_shape[1]}"
        )


def _check_numbers(geometry: Geometry) -> None:
    if geometry.groups <= 0:
        raise RuntimeError(f"groups must be positive, got {geometry.groups}")
    for name, steps in (("stride", geometry.stride), ("dilation", geometry.dilation)):
        if min(steps) <= 0:
            raise RuntimeError(f"{name} must be positive, got {steps}")
    if min(geometry.padding) < 0:
        raise RuntimeError(f"padding must not be negative, got {geometry.padding}")
    if geometry.kernel_size[0] <= 0 or geometry.kernel_size[1] <= 0:
        raise RuntimeError(f"weight must have at least one tap, got {geometry.kernel_size}")
    if geometry.input_size[0] <= 0 or geometry.input_size[1] <= 0:
        raise RuntimeError(
            f"input must have at least one row and column, got {geometry.input_size}"
        )


def _check_counts(geometry: Geometry) -> None:
    """Refuse what torch refuses, or is lost in: sizes and results that 64 bits do not count."""
    numbers = max(prod(geometry.input_shape), prod(geometry.output_shape))
    if max(*geometry.padded_size, WIDEST * numbers) > MOST:
        raise RuntimeError(
            f"padding {geometry.padding} of input {geometry.input_shape} makes sizes or a result, "
            f"{geometry.output_shape}, that do not fit into 64 bits"
        )
