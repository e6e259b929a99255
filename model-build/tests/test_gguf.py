"""unpack-gguf undoes what llama.cpp's converter does, and keeps the finer of two copies of a tied table."""

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, quantize
from tiny_model import LLAMA, QWEN2, byte_tokenizer, random_tensors
from tokenizers import Tokenizer

from model_build.checkpoint import open_folder
from model_build.decoder_config import parse_config
from model_build.gguf_checkpoint import unpack_gguf

NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}  # fmt: skip


def gguf_name(name: str) -> str:
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in top:
        return top[name]
    _, _, layer, rest = name.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{NAMES[part]}.{kind}"


def permute(weight, heads):
    """llama.cpp's convert_hf_to_gguf.py, LlamaModel.permute."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path, raw, tensors, kind=GGMLQuantizationType.F32, extra=None):
    config = parse_config(raw, "tiny")
    name = raw["model_type"]
    writer = GGUFWriter(path, name)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_context_length(512)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    vocabulary = byte_tokenizer(config.vocab_size)["model"]["vocab"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm" if name == "llama" else "qwen2")
    tokens = [*list(vocabulary)[:-1], "ab"]  # one merge, so that the list of merges is not empty
    writer.add_token_list(tokens)
    writer.add_token_types([3 if i < 3 else 1 for i in range(len(tokens))])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(2)
    for tensor_name, value in {**tensors, **(extra or {})}.items():
        stored = value
        if name == "llama" and tensor_name.endswith(("q_proj.weight", "k_proj.weight")):
            stored = permute(value, config.num_attention_heads if "q_proj" in tensor_name else config.num_key_value_heads)
        coarse = kind if value.ndim == 2 and tensor_name not in (extra or {}) else GGMLQuantizationType.F32
        writer.add_tensor(gguf_name(tensor_name), quantize(stored, coarse), raw_dtype=coarse)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# A head of 32 dimensions: GGUF's blocks are 32 wide.
TINY_LLAMA = LLAMA | {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32}
TINY_QWEN2 = QWEN2 | {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32}


@pytest.mark.parametrize("raw", [TINY_LLAMA, TINY_QWEN2], ids=["llama", "qwen2"])
def test_unquantized_tensors_come_back_exactly(tmp_path, raw):
    tensors = random_tensors(raw)
    write_gguf(tmp_path / "m.gguf", raw, tensors)
    unpack_gguf(tmp_path / "m.gguf", tmp_path / "hf")
    opened = open_folder(tmp_path / "hf")
    assert opened.config == parse_config(raw, "tiny")
    for name, value in tensors.items():
        assert np.array_equal(opened.get(name), value), name
    tokenizer = Tokenizer.from_file(str(tmp_path / "hf" / "tokenizer.json"))
    text = "SELECT count(*) FROM head -- Größe 北京\n<|im_end|>"
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("kind", [GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_1, GGMLQuantizationType.Q5_0], ids=lambda kind: kind.name)
def test_quantized_tensors_come_back_near(tmp_path, kind):
    tensors = random_tensors(TINY_LLAMA)
    write_gguf(tmp_path / "m.gguf", TINY_LLAMA, tensors, kind)
    unpack_gguf(tmp_path / "m.gguf", tmp_path / "hf")
    opened = open_folder(tmp_path / "hf")
    limit = {"Q8_0": 0.01, "Q5_0": 0.06, "Q4_1": 0.1}[kind.name]
    for name, value in tensors.items():
        error = np.square(opened.get(name) - value).sum() / np.square(value).sum()
        assert error**0.5 < limit, name


def test_the_finer_copy_of_a_tied_table_is_kept(tmp_path):
    tensors = random_tensors(TINY_LLAMA)
    write_gguf(tmp_path / "m.gguf", TINY_LLAMA, tensors, GGMLQuantizationType.Q4_1, {"lm_head.weight": tensors["model.embed_tokens.weight"]})
    unpack_gguf(tmp_path / "m.gguf", tmp_path / "hf")
    opened = open_folder(tmp_path / "hf")
    assert opened.config.tie_word_embeddings
    assert np.array_equal(opened.get("model.embed_tokens.weight"), tensors["model.embed_tokens.weight"])
