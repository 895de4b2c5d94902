"""The tables of networks are the published ones, and their cells run or say why not."""

import pytest

import fftconv
from benchmarks import network_cases, networks
from benchmarks.network_cases import Conv, NetworkCase

SMALL = (
    Conv(3, 8, 12, kernel=4, stride=4),
    Conv(8, 8, 9, kernel=7, groups=8, count=2),
    Conv(8, 6, 9, kernel=1),
    Conv(6, 6, 9, stride=2),
)


# Weights of the convolutions where they are known to the last, else what the papers round to.
@pytest.mark.parametrize(
    ("network", "weights", "macs", "tolerance"),
    [
        ("VGG-16", 14_710_464, 15.35e9, 0.001),
        ("ResNet-50", 23_454_912, 4.09e9, 0.001),
        ("ConvNeXt-T", 28.6e6 - 0.77e6, 4.5e9, 0.015),  # without the classifier
        ("RepLKNet-31B", 79e6 - 1.0e6, 15.3e9, 0.015),
    ],
)
def test_networks_have_the_published_weights_and_multiply_adds(
    network: str, weights: float, macs: float, tolerance: float
) -> None:
    convs = network_cases.NETWORKS[network]
    assert sum(conv.weights for conv in convs) == pytest.approx(weights, rel=tolerance)
    assert sum(conv.macs for conv in convs) == pytest.approx(macs, rel=tolerance)


def test_the_u_net_has_the_papers_stages() -> None:
    convs = network_cases.NETWORKS["U-Net"]
    assert len(convs) == 23 - 4  # the paper's, without the four that go up
    assert [conv.out_channels for conv in convs[::2]] == [
        64, 128, 256, 512, 1024, 512, 256, 128, 64, 2
    ]  # fmt: skip
    assert {conv.in_channels for conv in convs if conv.size == 14} == {512, 1024}


@pytest.mark.parametrize("method", network_cases.METHODS)
def test_a_small_network_runs_forward_and_in_training(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(network_cases.NETWORKS, "small", SMALL)
    case = NetworkCase(method, "small", 2)
    steps = networks.layers_of(case, training=True)
    assert [tuple(layer(x).shape[1:]) for layer, x, _ in steps] == [
        (8, 3, 3), (8, 9, 9), (8, 9, 9), (6, 9, 9), (6, 5, 5)
    ]  # fmt: skip
    assert [x.requires_grad for _, x, _ in steps] == [False, True, True, True, True]
    assert len({layer.weight.data_ptr() for layer, _, _ in steps}) == 5
    assert not any(layer.weight.requires_grad for layer, *_ in networks.layers_of(
        case, training=False
    ))  # fmt: skip
    networks.measured_call(case, "forward")()
    networks.measured_call(case, "backward")()


def test_layers_by_another_method_share_their_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(network_cases.NETWORKS, "small", SMALL)
    steps = networks.layers_of(NetworkCase("native", "small", 1), training=True)
    twins = networks.by_method(steps, "auto")
    assert [layer.method for layer, *_ in steps] == ["native"] * 5
    assert [layer.method for layer, *_ in twins] == ["auto"] * 5
    for (layer, x, g), (twin, same_x, same_g) in zip(steps, twins, strict=True):
        assert x is same_x
        assert g is same_g
        assert all(a is b for a, b in zip(layer.parameters(), twin.parameters(), strict=True))
    networks.train(twins)


def test_what_is_over_the_budget_is_skipped_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = NetworkCase("auto", "U-Net", 8)
    assert case.skip_reason("forward") is None
    with pytest.raises(NotImplementedError, match=r"U-Net .* is skipped: .* budget of 15 s.*\.$"):
        networks.measured_call(case, "backward")
    monkeypatch.setenv("FFTCONV_CELL_BUDGET_S", "2")
    assert case.skip_reason("backward") is None


def test_old_commits_skip_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fftconv, "methods", dict)
    with pytest.raises(NotImplementedError, match="no method native"):
        networks.measured_call(NetworkCase("native", "ResNet-50", 1), "forward")


def test_each_cell_has_a_name_of_its_own() -> None:
    names = [task.name for task in networks.tasks()]
    assert len(names) == len(set(names)) == 2 * len(network_cases.grid())
