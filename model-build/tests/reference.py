"""A plain numpy forward pass over a checkpoint's tensors: logits after every token."""

import numpy as np


def reference_logits(config, get, tokens):
    """float64 throughout; `get` gives a tensor by its Hugging Face name."""

    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config.rms_norm_eps) * get(name)

    def linear(x, name, bias=False):
        return x @ get(f"{name}.weight").astype(np.float64).T + (get(f"{name}.bias") if bias else 0)

    n, d = len(tokens), config.head_dim
    angle = np.arange(n)[:, None] * config.rope_theta ** (-np.arange(0, d, 2) / d)
    cos, sin = (np.concatenate([f(angle)] * 2, -1)[:, None] for f in (np.cos, np.sin))

    def rotate(v):
        return v * cos + np.concatenate([-v[..., d // 2 :], v[..., : d // 2]], -1) * sin

    embedding = get("model.embed_tokens.weight").astype(np.float64)
    x = embedding[tokens]
    for i in range(config.num_hidden_layers):
        at = f"model.layers.{i}."
        h = norm(x, f"{at}input_layernorm.weight")
        q, k, v = (linear(h, f"{at}self_attn.{p}_proj", config.qkv_bias).reshape(n, -1, d) for p in "qkv")
        q, k = rotate(q), rotate(k)
        k, v = (np.repeat(t, config.num_attention_heads // config.num_key_value_heads, 1) for t in (k, v))
        score = np.einsum("qhd,khd->hqk", q, k) * d**-0.5 + np.triu(np.full((n, n), -np.inf), 1)
        score = np.exp(score - score.max(-1, keepdims=True))
        mixed = np.einsum("hqk,khd->qhd", score / score.sum(-1, keepdims=True), v).reshape(n, -1)
        x = x + linear(mixed, f"{at}self_attn.o_proj")
        h = norm(x, f"{at}post_attention_layernorm.weight")
        gate = linear(h, f"{at}mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, f"{at}mlp.up_proj"), f"{at}mlp.down_proj")
    head = embedding if config.tie_word_embeddings else get("lm_head.weight").astype(np.float64)
    return norm(x, "model.norm.weight") @ head.T
