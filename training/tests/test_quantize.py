import pytest
import torch

from tabletalk_training.quantize import GROUP, fake_quantize


@pytest.mark.parametrize(("bits", "low", "high"), [(4, -7, 8), (8, -127, 127)])
def test_values_are_whole_steps_of_one_bf16_scale_a_group_and_rounding_again_changes_nothing(bits, low, high):
    torch.manual_seed(0)
    weight = torch.randn(64, 96) * torch.rand(64, 1)
    weight[3, :32] = 0
    weight[4, 5] = 40.0
    rounded = fake_quantize(weight, bits)
    assert torch.equal(fake_quantize(rounded, bits), rounded)
    groups = rounded.view(-1, GROUP)
    for group, original in zip(groups, weight.view(-1, GROUP), strict=True):
        largest = original[original.abs().argmax()]
        scales = [(largest / d).bfloat16().float() for d in ((8.0, -7.0) if bits == 4 else (127.0, -127.0))]
        fits = []
        for scale in scales:
            codes = (group / scale) if scale else group
            fits.append(bool((codes == codes.round()).all() and codes.min() >= low and codes.max() <= high))
        assert any(fits)


def test_four_bits_take_the_better_of_the_two_scales():
    # 8 steps up from one scale: -m/7 would need to reach +8 with a step of 8/7.
    group = torch.arange(-7.0, 9.0).repeat(2)[None]
    assert torch.equal(fake_quantize(group, 4), group)
    assert torch.equal(fake_quantize(-group, 4), -group)
    symmetric = torch.arange(-7.0, 8.0).repeat(3)[None, :32]
    assert torch.equal(fake_quantize(symmetric, 4), symmetric)


def test_a_matrix_without_whole_groups_is_refused():
    with pytest.raises(ValueError, match="whole groups of 32"):
        fake_quantize(torch.zeros(4, 33), 4)
