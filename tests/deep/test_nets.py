"""Networks say the same by torch, which trains them, and by NumPy, which scores; and as others build them."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.deep import deep_belief_network, deep_svdd, sequence_autoencoder, sequence_forecaster, transformer
from amiss.deep import variational_autoencoder as vae
from amiss.deep._nets import CELLS, attention, cell_outputs, fresh_attention, fresh_cell, fresh_dense

RANDOM = np.random.default_rng(0)
ROWS, WINDOWS = RANDOM.normal(size=(9, 5)), RANDOM.normal(size=(7, 11, 3))
SVDD = deep_svdd._fresh(RANDOM, [5, 8, 6, 4])
STACK = [deep_belief_network._fresh(RANDOM, *sizes) for sizes in ((5, 8), (8, 4), (4, 2))]


def both(function, weights, *inputs):
    """What `function` says by NumPy, and by torch in double precision."""
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    said = function(torch, tensors, *[torch.from_numpy(array) for array in inputs])
    return function(np, weights, *inputs), said.numpy()


def test_rows_by_both_libraries():
    net = vae._fresh(RANDOM, 5, 8, 2)
    cases = [
        (vae.negative_bound, net, ROWS, RANDOM.normal(size=(9, 2))),
        (deep_svdd.brought, SVDD, ROWS),
        (deep_belief_network.restored, deep_belief_network.unrolled(STACK), ROWS),
    ]
    for function, weights, *inputs in cases:
        np.testing.assert_allclose(*both(function, weights, *inputs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_windows_by_both_libraries(cell):
    net = sequence_autoencoder.fresh(RANDOM, cell, (11, 3), 6, 2)

    def written(xp, weights, parts):
        return sequence_autoencoder.written(xp, cell, weights, parts)

    np.testing.assert_allclose(*both(written, net, WINDOWS), rtol=1e-10, atol=1e-12)
    net = fresh_cell(RANDOM, cell, "read", 3, 6) | fresh_dense(RANDOM, "tell", 6, 3)

    def told(xp, weights, parts):
        return sequence_forecaster.told(xp, cell, weights, parts)

    np.testing.assert_allclose(*both(told, net, WINDOWS), rtol=1e-10, atol=1e-12)


def test_filling_in_by_both_libraries():
    net, mask = transformer.fresh(RANDOM, (11, 3), 8), transformer.hidden_parts(11)[RANDOM.integers(4, size=7)]
    np.testing.assert_allclose(*both(transformer.filled, net, WINDOWS, mask), rtol=1e-10, atol=1e-12)


def test_attention_is_torch_s_own_block():
    torch = pytest.importorskip("torch")
    net = fresh_attention(RANDOM, "block", 8)
    net |= {f"block.{part}.weight": RANDOM.normal(size=8) for part in ("first", "second")}
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True, norm_first=True, dtype=torch.float64)
    theirs.activation = lambda x: x * torch.sigmoid(1.702 * x)
    names = {
        "self_attn.in_proj_": "look.", "self_attn.out_proj.": "join.", "linear1.": "wide.", "linear2.": "narrow.",
        "norm1.": "first.", "norm2.": "second.",
    }  # fmt: skip
    state = {
        theirs + part: torch.from_numpy(net[f"block.{ours}{part}"])
        for theirs, ours in names.items()
        for part in ("weight", "bias")
    }
    theirs.load_state_dict(state)
    x = RANDOM.normal(size=(4, 6, 8))
    np.testing.assert_allclose(
        attention(np, net, "block", x), theirs.train()(torch.from_numpy(x)).detach().numpy(), rtol=1e-9, atol=1e-11
    )


def test_convolutions_are_torch_s_own():
    torch = pytest.importorskip("torch")
    net = fresh_cell(RANDOM, "tcn", "read", 3, 4)
    out = torch.from_numpy(WINDOWS @ net["read.in.weight"].T + net["read.in.bias"]).swapaxes(1, 2)
    for k, dilation in enumerate((1, 2, 4, 8)):
        long = torch.nn.functional.pad(out, (2 * dilation, 0), mode="replicate")
        weight = torch.from_numpy(net[f"read.{k}.weight"].reshape(4, 3, 4).swapaxes(1, 2).copy())
        bias = torch.from_numpy(net[f"read.{k}.bias"])
        out = out + torch.tanh(torch.nn.functional.conv1d(long, weight, bias, dilation=dilation))
    np.testing.assert_allclose(
        cell_outputs(np, "tcn", net, "read", WINDOWS), out.swapaxes(1, 2).numpy(), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("cell", CELLS)
def test_no_step_hangs_on_later_ones(cell):
    net = fresh_cell(RANDOM, cell, "read", 3, 4)
    other = WINDOWS.copy()
    other[:, 6:] += 1.0
    before, after = (cell_outputs(np, cell, net, "read", x) for x in (WINDOWS, other))
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] != after[:, 6:]).any(axis=2).all()


def test_every_step_is_hidden_once():
    for window in (1, 2, 3, 4, 5, 30, 64):
        masks = transformer.hidden_parts(window)
        np.testing.assert_array_equal(masks.sum(axis=0), 1)
        assert (masks.sum(axis=1) > 0).all()


def test_what_is_hidden_is_not_seen():
    net, mask = transformer.fresh(RANDOM, (11, 3), 8), np.tile(transformer.hidden_parts(11)[1], (7, 1))
    other = WINDOWS + 5.0 * mask[..., None]
    np.testing.assert_array_equal(transformer.filled(np, net, WINDOWS, mask), transformer.filled(np, net, other, mask))


def test_slopes_of_the_bound_equal_differences():
    torch = pytest.importorskip("torch")
    net, draw = vae._fresh(RANDOM, 5, 6, 2), RANDOM.normal(size=(9, 2))
    tensors = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in net.items()}
    loss = vae.negative_bound(torch, tensors, torch.from_numpy(ROWS), torch.from_numpy(draw)).sum()
    slopes = dict(zip(tensors, torch.autograd.grad(loss, list(tensors.values())), strict=True))
    for name, array in net.items():
        for place in list(np.ndindex(*array.shape))[::3]:
            kept, ends = array[place], []
            for step in (1e-6, -1e-6):
                array[place] = kept + step
                ends.append(naive_bound(net, ROWS, draw))
            array[place] = kept
            assert float(slopes[name][place]) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-5)


def naive_bound(net, rows, draws):
    """Sum of the negative bounds, row by row and number by number."""
    total = 0.0
    for row, draw in zip(rows, draws, strict=True):
        hidden = np.tanh(net["encode.weight"] @ row + net["encode.bias"])
        mean = net["mean.weight"] @ hidden + net["mean.bias"]
        variance = np.exp(8 * np.tanh((net["spread.weight"] @ hidden + net["spread.bias"]) / 8))
        made = np.tanh(net["decode.weight"] @ (mean + np.sqrt(variance) * draw) + net["decode.bias"])
        back = net["restore.weight"] @ made + net["restore.bias"]
        noise = np.exp(2 * net["noise"]) + 0.05**2
        total += sum((row - back) ** 2 / (2 * noise) + np.log(noise) / 2)
        total += sum((mean**2 + variance - 1 - np.log(variance)) / 2)
    return total


class Drawn:
    """Random numbers that are known beforehand."""

    def __init__(self, numbers):
        self.numbers = numbers

    def random(self, shape):
        return self.numbers

    def normal(self, size):
        return self.numbers


@pytest.mark.parametrize("linear", ["visible", "hidden", "neither"])
def test_contrastive_divergence_is_the_naive_one(linear):
    random = np.random.default_rng(3)
    machine = deep_belief_network._fresh(random, 4, 3)
    machine |= {"hidden": random.normal(size=3), "visible": random.normal(size=4)}
    kinds = {name: name == linear for name in ("visible", "hidden")}
    rows = random.normal(size=(6, 4)) if linear == "visible" else random.integers(0, 2, (6, 4)).astype(float)
    drawn = random.normal(size=(6, 3)) if linear == "hidden" else random.random((6, 3))
    found = deep_belief_network.contrast(machine, rows, kinds, Drawn(drawn))
    for name, expected in naive_contrast(machine, rows, kinds, drawn).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-14)


def naive_contrast(machine, rows, kinds, drawn):
    """Positive less negative phase of one step, unit by unit."""

    def chance(x, linear):
        return x if linear else 1 / (1 + np.exp(-x))

    weight, n_hidden, n_visible = machine["weight"], *machine["weight"].shape
    way = {name: np.zeros_like(array) for name, array in machine.items()}
    for row, numbers in zip(rows, drawn, strict=True):
        hidden = [chance(weight[i] @ row + machine["hidden"][i], kinds["hidden"]) for i in range(n_hidden)]
        if kinds["hidden"]:
            state = [h + number for h, number in zip(hidden, numbers, strict=True)]
        else:
            state = [1.0 if number < h else 0.0 for h, number in zip(hidden, numbers, strict=True)]
        back = [chance(weight[:, j] @ state + machine["visible"][j], kinds["visible"]) for j in range(n_visible)]
        again = [chance(weight[i] @ back + machine["hidden"][i], kinds["hidden"]) for i in range(n_hidden)]
        way["weight"] += (np.outer(hidden, row) - np.outer(again, back)) / len(rows)
        way["hidden"] += (np.array(hidden) - again) / len(rows)
        way["visible"] += (row - back) / len(rows)
    return way


def test_pre_training_learns_what_rows_are_made_of():
    random = np.random.default_rng(0)
    rows = np.repeat(random.integers(0, 2, size=(400, 2)), 4, axis=1).astype(float)
    machine = deep_belief_network._fresh(random, 8, 4)
    kinds = {"visible": False, "hidden": False}

    def missed():
        hidden = deep_belief_network.up(machine, rows, linear=False)
        return np.abs(deep_belief_network.down(machine, hidden, linear=False) - rows).mean()

    before = missed()
    deep_belief_network.pretrain(machine, rows, kinds, 600, 32, random)
    assert missed() < before / 3
