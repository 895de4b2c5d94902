"""Which cell is profiled."""

from dataclasses import dataclass

from convbench.limits.bound import Work


@dataclass(frozen=True)
class Spec:
    """One convolution, without padding, by one method."""

    method: str
    input_size: int
    filter_size: int
    batch: int = 1
    in_channels: int = 1
    out_channels: int = 1
    groups: int = 1
    dtype: str = "float32"
    backward: bool = False
    threads: int | None = None
    """None for what torch takes by itself."""

    @property
    def output_size(self) -> int:
        """Side of the output."""
        return self.input_size - self.filter_size + 1

    @property
    def direction(self) -> str:
        """What the call computes."""
        return "backward" if self.backward else "forward"

    @property
    def title(self) -> str:
        """Name the cell in a line."""
        n, k = self.input_size, self.filter_size
        channels = f"{self.batch}x{self.in_channels}x{n}x{n} to {self.out_channels} channels"
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{self.method} {self.direction}, {channels}{groups}, filter {k}x{k}, {self.dtype}"

    @property
    def folder(self) -> str:
        """Name the cell as a file."""
        parts = (self.method, self.input_size, self.filter_size, self.direction, self.dtype)
        name = "-".join(map(str, parts))
        shape = (self.batch, self.in_channels, self.out_channels, self.groups)
        return name if shape == (1, 1, 1, 1) else f"{name}-{'x'.join(map(str, shape))}"

    @property
    def work(self) -> Work:
        """What the cell asks for."""
        n, k, out = self.input_size, self.filter_size, self.output_size
        return Work(
            batch=self.batch,
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            groups=self.groups,
            input_size=(n, n),
            kernel_size=(k, k),
            output_size=(out, out),
            backward=self.backward,
            dtype=self.dtype,
        )

    def problem(self) -> str | None:
        """Say in a sentence what of the sizes does not go together, None if all does."""
        if self.filter_size > self.input_size:
            return f"filter {self.filter_size} is larger than input {self.input_size}"
        if self.in_channels % self.groups or self.out_channels % self.groups:
            return f"channels must be multiples of the {self.groups} groups"
        return None
