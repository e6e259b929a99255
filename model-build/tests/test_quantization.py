"""The 4- and 8-bit grids."""

import numpy as np
import pytest

from model_build.quantization import dequantize, quantize, round_to_bf16, unpack_scales

rng = np.random.default_rng(7)
WEIGHTS = (rng.standard_normal((64, 96)) * rng.uniform(0.001, 2, (64, 1))).astype(np.float32)


def relative_error(weight, **options):
    return float(np.square(dequantize(quantize(weight, **options)) - weight).sum() / np.square(weight).sum()) ** 0.5


@pytest.mark.parametrize("bits", [4, 8])
def test_rounding_twice_changes_nothing(bits):
    once = dequantize(quantize(WEIGHTS, bits))
    assert np.array_equal(dequantize(quantize(once, bits)), once)


@pytest.mark.parametrize("divisor", [8.0, -7.0, 8.5, -7.5, 3.0])
def test_any_weights_on_a_four_bit_grid_come_back_exactly(divisor):
    """Quantization-aware training may leave groups whose largest weight sits on any level, with a scale of either sign."""
    scale = round_to_bf16((rng.standard_normal((32, 3, 1)) / divisor).astype(np.float32))
    levels = rng.integers(-7, 9, (32, 3, 32)).astype(np.float32)
    weight = (levels * scale).reshape(32, 96).astype(np.float32)
    assert np.array_equal(dequantize(quantize(weight, 4)), weight)


def test_groups_that_use_few_levels_come_back_exactly():
    scale = round_to_bf16(rng.uniform(0.01, 1, (64, 3, 1)).astype(np.float32))
    weight = (rng.integers(-2, 4, (64, 3, 32)) * scale).reshape(64, 96).astype(np.float32)
    assert np.array_equal(dequantize(quantize(weight, 4)), weight)


def test_weights_on_the_training_grid_of_eight_bits_come_back_exactly():
    groups = WEIGHTS.reshape(64, 3, 32)
    scale = round_to_bf16(np.abs(groups).max(-1, keepdims=True) / np.float32(127))
    weight = (np.clip(np.rint(groups / scale), -127, 127) * scale).reshape(64, 96).astype(np.float32)
    assert np.array_equal(dequantize(quantize(weight, 8)), weight)


def test_the_search_beats_plain_rounding():
    plain, searched = relative_error(WEIGHTS, rounding="plain"), relative_error(WEIGHTS)
    assert searched < 0.88 * plain
    assert relative_error(WEIGHTS, bits=8) < 0.01


def test_zero_groups_stay_zero():
    assert not dequantize(quantize(np.zeros((8, 64), np.float32))).any()


def test_layout_is_mlcs_nibbles_and_two_scales_a_word():
    weight = np.zeros((1, 64), np.float32)
    weight[0, :8] = [8, 1, 2, 3, -7, -1, 0, 5]
    weight[0, 32] = -16.0
    table = quantize(weight)
    nibbles = [(int(table.words[0, 0]) >> (4 * i)) & 15 for i in range(8)]
    assert nibbles == [15, 8, 9, 10, 0, 6, 7, 12]
    assert table.scales.shape == (1, 1)
    assert unpack_scales(table.scales, 2).tolist() == [[1.0, -2.0]]
    assert np.uint32(table.scales[0, 0] << np.uint32(16)).view(np.float32) == 1.0
    assert np.uint32(table.scales[0, 0] & np.uint32(0xFFFF0000)).view(np.float32) == -2.0


def test_an_odd_count_of_groups_pads_the_last_scale_word():
    table = quantize(WEIGHTS)
    assert table.scales.shape == (64, 2)
    assert not (table.scales[:, 1] >> np.uint32(16)).any()
