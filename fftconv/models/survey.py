"""What a survey found: a row for each layer and shape, what they add up to, and how it is kept."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

SCHEMA = 1
#: What another method has to take of the layer's own time, at most, to be the best. Layers measured
#: one by one are measured to some percent, and of three noisy figures the least is too good: a
#: ResNet-50 of which every layer got its fastest method, often by some percent, was slower.
GAIN = 0.9
Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")


def _best(seconds: dict[str, float], now: str) -> str:
    fastest = min(seconds, key=seconds.__getitem__)
    return fastest if now not in seconds or seconds[fastest] < GAIN * seconds[now] else now


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One layer as it is called with inputs of one shape.

    Attributes
    ----------
    name
        Of the layer in the model; empty where the layer is the model.
    calls
        How many times a run of the model calls it with this shape.
    input_shape, weight_shape, output_shape, stride, padding, dilation, groups, padding_mode, dtype
        Of each call, as of `torch.nn.Conv2d`.
    now
        The method that the layer has: ``native`` for a layer of torch.
    forward, backward
        Method to seconds of a call; empty for a direction that was not asked for. Backward is the
        gradients of what needs one (weight, bias, input), without the output.
    left_out
        Method to the sentence that says why it was not measured.
    """

    name: str
    calls: int
    input_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    dilation: tuple[int, int]
    groups: int
    padding_mode: str
    dtype: str
    now: str
    forward: dict[str, float]
    backward: dict[str, float]
    left_out: dict[str, str]

    @property
    def seconds(self) -> dict[str, float]:
        """Method to seconds of a call, in all directions together."""
        measured = [times for times in (self.forward, self.backward) if times]
        return {m: sum(times[m] for times in measured) for m in measured[0]}

    @property
    def best(self) -> str:
        """The method that takes the least, if it takes a tenth less than the layer's own."""
        return _best(self.seconds, self.now)

    @property
    def saved_s(self) -> float:
        """Seconds that the best method would save in all calls of a run."""
        return self.calls * (self.seconds[self.now] - self.seconds[self.best])


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What each method takes for each layer of a model; reads well when printed.

    Attributes
    ----------
    rows
        In the order of the first calls.
    directions
        What was measured.
    model_forward_s, model_backward_s
        Seconds of the whole model as it is; 0 for a direction that was not asked for.
    threads, torch, device
        What it was measured with.
    """

    rows: tuple[Row, ...]
    directions: tuple[Direction, ...]
    model_forward_s: float
    model_backward_s: float
    threads: int
    torch: str
    device: str
    schema: int = SCHEMA

    @property
    def model_s(self) -> float:
        """Seconds of the whole model, in all directions together."""
        return self.model_forward_s + self.model_backward_s

    @property
    def layers_s(self) -> float:
        """Seconds of the layers as they are, measured one by one."""
        return sum(row.calls * row.seconds[row.now] for row in self.rows)

    @property
    def share(self) -> float:
        """The layers' part of the model's time; both are measured, so noise may take it past 1."""
        return self.layers_s / self.model_s

    @property
    def best(self) -> dict[str, str]:
        """Layer to the best method for all of its calls together, as `Row.best`."""
        best = {}
        for name in dict.fromkeys(row.name for row in self.rows):
            rows = [row for row in self.rows if row.name == name]
            common = [m for m in rows[0].seconds if all(m in row.seconds for row in rows)]
            totals = {m: sum(row.calls * row.seconds[m] for row in rows) for m in common}
            best[name] = _best(totals, rows[0].now)
        return best

    @property
    def saved_s(self) -> float:
        """Seconds of a run that `convert` with this survey would save."""
        best = self.best
        return sum(
            row.calls * (row.seconds[row.now] - row.seconds[best[row.name]]) for row in self.rows
        )

    def __str__(self) -> str:
        """Return a table of the rows, and below it what they add up to."""
        from fftconv.models.printing import text

        return text(self)

    def to_json(self) -> str:
        """Return everything as JSON, what follows from the rest included."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        for kept, row in zip(found["rows"], self.rows, strict=True):
            kept |= {"seconds": row.seconds, "best": row.best, "saved_s": row.saved_s}
        found |= {"layers_s": self.layers_s, "share": self.share}
        found |= {"best": self.best, "saved_s": self.saved_s}
        return msgspec.json.format(msgspec.json.encode(found), indent=1).decode()

    @classmethod
    def from_json(cls, text: str) -> Survey:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If it is no survey, or one of another version.
        """
        survey = msgspec.json.decode(text, type=cls)
        if survey.schema != SCHEMA:
            raise ValueError(f"the survey has version {survey.schema}, this reads {SCHEMA}")
        return survey
