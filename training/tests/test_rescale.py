import torch
from tokenizers import Tokenizer

from tabletalk_training.calibrate import calibration_packs, round_student
from tabletalk_training.model import Decoder, load
from tabletalk_training.packing import Pack, attend_packed, layout
from tabletalk_training.quantize import fake_quantize
from tabletalk_training.rescale import rescale


@torch.inference_mode()
def logits(model: Decoder, pack: Pack) -> torch.Tensor:
    plan = layout(pack)
    return model.logits(model.hidden(plan.ids, plan.positions, attend_packed(plan))[plan.predicts])


def test_a_rescaled_student_answers_the_same_and_none_of_its_matrices_is_on_the_grid(base, data, tmp_path):
    round_student(base, None, tmp_path / "rounded", "search", 1, 0, 2048, "float32")
    model, rescaled = load(tmp_path / "rounded"), load(tmp_path / "rounded")
    rescale(rescaled, 0)
    [pack] = calibration_packs(data, Tokenizer.from_file(str(base / "tokenizer.json")), 1, 0, 2048)
    assert torch.allclose(logits(rescaled, pack), logits(model, pack), atol=1e-4)
    for (name, before), after in zip(model.named_parameters(), rescaled.parameters(), strict=True):
        if name.endswith(("qkv.weight", "out.weight", "gate_up.weight", "down.weight")):
            # Rounding moves weights of no grid by some 9 % of their norm.
            assert (fake_quantize(after.detach(), 4) - after).norm() > 0.03 * after.norm(), name
            assert not torch.equal(before, after)


def test_biases_of_v_go_along():
    config = {
        "model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "vocab_size": 50, "tie_word_embeddings": True,
    }  # fmt: skip
    torch.manual_seed(2)
    model, rescaled = Decoder(config), Decoder(config)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.2)
    rescaled.load_state_dict(model.state_dict())
    rescale(rescaled, 1)
    pack = Pack((1, 2, 3), (((4, 5), (6, 7, 8)), ((9,), (10, 11))))
    assert torch.allclose(logits(rescaled, pack), logits(model, pack), atol=1e-4)
