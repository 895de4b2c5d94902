"""A network converted in place computes the same and is the same to whoever holds a part of it."""

import copy
import io
import logging
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

import fftconv

CONVERTED = ("first", "shared", "normed", "same", "head.0")
METHODS = list(fftconv.methods())


def converted(model: nn.Module) -> dict[str, str]:
    modules = model.named_modules()
    return {name: m.method for name, m in modules if isinstance(m, fftconv.Conv2d)}


def step(model: nn.Module, x: Tensor) -> list[Tensor]:
    torch.manual_seed(3)  # dropout
    y = model(x)
    return [y, *torch.autograd.grad(y.square().sum(), list(model.parameters()))]


@pytest.mark.parametrize("method", METHODS)
def test_a_network_computes_the_same_and_has_the_same_gradients(network, x, method) -> None:
    expected = step(network, x)
    assert fftconv.convert(network, method) is network
    assert converted(network) == dict.fromkeys(CONVERTED, method)
    torch.testing.assert_close(step(network, x), expected, rtol=1e-3, atol=1e-3)
    assert fftconv.revert(network) is network
    assert converted(network) == {}
    torch.testing.assert_close(step(network, x), expected, rtol=1e-3, atol=1e-3)


def test_parameters_buffers_names_and_modules_are_the_very_same(network) -> None:
    parameters, modules = dict(network.named_parameters()), dict(network.named_modules())
    buffers, keys = dict(network.named_buffers()), list(network.state_dict())
    for change in (fftconv.convert, fftconv.revert):
        change(network)
        assert list(network.state_dict()) == keys
        for found, before in (
            (network.named_parameters(), parameters),
            (network.named_buffers(), buffers),
            (network.named_modules(), modules),
        ):
            now = dict(found)
            assert now.keys() == before.keys()
            assert all(now[name] is before[name] for name in before)
    assert network.again is network.shared


def test_an_optimizer_and_gradients_go_on(network, x) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(x).sum().backward()
    gradients = [p.grad for p in network.parameters()]
    fftconv.convert(network, "fft")
    assert all(p.grad is g for p, g in zip(network.parameters(), gradients, strict=True))
    before = network.first.weight.detach().clone()
    optimizer.step()
    assert not torch.equal(network.first.weight, before)


def test_hooks_stay_and_can_be_removed(network, x) -> None:
    seen: list[str] = []
    handles = [
        network.head[0].register_forward_pre_hook(lambda *_: seen.append("before")),
        network.head[0].register_forward_hook(lambda *_: seen.append("after")),
        network.head[0].register_full_backward_hook(lambda *_: seen.append("backward")),
    ]
    fftconv.convert(network, "direct")
    network(x).sum().backward()
    assert seen == ["before", "after", "backward"]
    for handle in handles:
        handle.remove()
    network(x).sum().backward()
    assert len(seen) == 3


def test_a_weight_that_is_parametrized_stays_so(network, x) -> None:
    expected = network.normed(torch.ones(1, 4, 8, 8))
    fftconv.convert(network, "fft")
    assert is_parametrized(network.normed, "weight")
    assert isinstance(network.normed, fftconv.Conv2d)
    torch.testing.assert_close(network.normed(torch.ones(1, 4, 8, 8)), expected)
    remove_parametrizations(network.normed, "weight")
    assert type(network.normed) is fftconv.Conv2d
    fftconv.revert(network)
    assert type(network.normed) is nn.Conv2d


def test_a_layer_that_is_parametrized_later_is_reverted_too() -> None:
    layer = fftconv.convert(nn.Conv2d(2, 2, 3))
    nn.utils.parametrizations.weight_norm(layer)
    fftconv.revert(layer)
    assert not isinstance(layer, fftconv.Conv2d)
    assert is_parametrized(layer, "weight")
    remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Conv2d


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
def test_the_older_weight_norm_works() -> None:
    layer = nn.utils.weight_norm(nn.Conv2d(2, 2, 3))
    x = torch.randn(1, 2, 8, 8)
    expected = layer(x)
    torch.testing.assert_close(fftconv.convert(layer, "fft")(x), expected)
    layer.weight_g.data *= 2
    changed = layer(x)
    assert not torch.allclose(changed, expected)
    torch.testing.assert_close(fftconv.revert(layer)(x), changed)


def test_a_subclass_with_a_forward_of_its_own_is_left_alone_and_named(network, caplog) -> None:
    fftconv.convert(network)
    assert type(network.special).__name__ == "Standardized"
    (record,) = caplog.records
    assert record.name.startswith("fftconv.models")
    assert record.levelno == logging.WARNING
    assert record.getMessage() == ("special is left alone: Standardized has a forward of its own")


@pytest.mark.parametrize("name", ["forward", "_conv_forward"])
def test_a_layer_whose_forward_was_replaced_is_left_alone(name, caplog) -> None:
    layer = nn.Conv2d(1, 1, 3)
    setattr(layer, name, lambda *_: "mine")
    fftconv.convert(layer)
    assert type(layer) is nn.Conv2d
    assert f"the model is left alone: Conv2d has a {name} of its own" in caplog.text


def test_a_lazy_layer_is_left_alone_until_it_was_called(caplog) -> None:
    layer = nn.LazyConv2d(2, 3)
    fftconv.convert(layer)
    assert "LazyConv2d has no weight before its first call" in caplog.text
    layer(torch.ones(1, 1, 8, 8))
    assert type(fftconv.convert(layer)) is fftconv.Conv2d


def test_a_subclass_that_computes_what_torchs_does_stays_one(network) -> None:
    original = type(network.same)
    fftconv.convert(network, "fft")
    assert isinstance(network.same, original)
    assert network.same.area() == 9
    assert repr(network.same).startswith("Same(6, 6, kernel_size=(3, 3), stride=(1, 1), padding=")
    for again in (copy.deepcopy(network.same), pickle.loads(pickle.dumps(network.same))):
        assert type(again) is type(network.same)
        assert again.method == "fft"
        assert type(fftconv.revert(again)) is original
    fftconv.revert(network)
    assert type(network.same) is original


def test_mode_and_dtype_stay(network) -> None:
    network.eval().double()
    fftconv.convert(network, "fft")
    assert not any(module.training for module in network.modules())
    assert network(torch.randn(2, 3, 16, 16, dtype=torch.float64)).dtype == torch.float64


def test_a_device_stays() -> None:
    layer = fftconv.convert(nn.Conv2d(2, 2, 3, device="meta"), "fft")
    assert layer(torch.empty(1, 2, 8, 8, device="meta")).is_meta


def test_the_filter_chooses_by_layer_and_name(network) -> None:
    names: list[str] = []

    def chosen(module: nn.Module, name: str) -> bool:
        names.append(name)
        return module.kernel_size == (3, 3)

    fftconv.convert(network, "fft", filter_fn=chosen)
    assert names == ["first", "shared", "normed", "special", "same", "head.0"]
    assert set(converted(network)) == {"shared", "normed", "same"}


def test_converting_again_changes_the_method_of_what_was_converted() -> None:
    own = fftconv.Conv2d(4, 4, 3, method="direct")
    model = nn.Sequential(nn.Conv2d(4, 4, 3), own)
    fftconv.convert(fftconv.convert(model, "fft"), "compiled")
    assert converted(model) == {"0": "compiled", "1": "direct"}
    fftconv.revert(model)
    assert type(model[0]) is nn.Conv2d
    assert not hasattr(model[0], "method")
    assert model[1] is own
    assert own.method == "direct"


def test_a_layer_by_itself_is_a_model() -> None:
    layer = nn.Conv2d(1, 1, 3)
    assert fftconv.convert(layer) is layer
    assert type(layer) is fftconv.Conv2d


def test_a_name_that_is_no_method_changes_nothing(network) -> None:
    with pytest.raises(ValueError, match=r"method must be one of .*, got 'magic'"):
        fftconv.convert(network, "magic")
    with pytest.raises(TypeError, match="method must be a string"):
        fftconv.convert(network, None)
    assert converted(network) == {}


def test_copies_are_converted_and_can_be_reverted(network, x) -> None:
    fftconv.convert(network.eval(), "fft")
    twin = copy.deepcopy(network)
    assert converted(twin) == converted(network)
    assert twin.again is twin.shared
    assert twin.first.weight is not network.first.weight
    torch.testing.assert_close(twin(x), network(x))
    fftconv.revert(twin)
    assert converted(twin) == {}
    assert converted(network) != {}


def test_a_network_is_saved_and_loaded(network, x) -> None:
    network.normed = nn.Conv2d(4, 6, 3, groups=2)  # what is parametrized torch refuses to save
    fftconv.convert(network.eval(), "compiled")
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert converted(loaded) == converted(network)
    torch.testing.assert_close(loaded(x), network(x))
    assert converted(fftconv.revert(loaded)) == {}


def test_what_torch_refuses_to_save_it_still_refuses() -> None:
    layer = fftconv.convert(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 1, 3)))
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(layer)


def test_a_state_dict_goes_both_ways(network, x) -> None:
    twin = copy.deepcopy(network)
    fftconv.convert(network.eval(), "fft")
    twin.load_state_dict(network.state_dict())
    network.load_state_dict(twin.state_dict())
    torch.testing.assert_close(network(x), twin.eval()(x))
