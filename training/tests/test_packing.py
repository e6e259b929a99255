import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from tabletalk_training.decoding import greedy
from tabletalk_training.examples import tokenize
from tabletalk_training.model import load
from tabletalk_training.packing import Pack, attend_masked, attend_packed, layout, together
from tabletalk_training.train import packed_loss


def pack_of(base, rows, count=5) -> Pack:
    examples, _ = tokenize(rows[:count], Tokenizer.from_file(str(base / "tokenizer.json")), 2048)
    return Pack(examples[0].prefix, tuple((x.suffix, x.completion) for x in examples))


def one_by_one(model, pack) -> torch.Tensor:
    """The summed loss of the same questions as separate causal sequences, through plain torch attention."""
    total = torch.zeros(())
    for suffix, completion in pack.questions:
        ids = torch.tensor(pack.prefix + suffix + completion[:-1])

        def attend(_, q, k, v):
            q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)[0].transpose(0, 1)

        hidden = model.hidden(ids, torch.arange(len(ids)), attend)
        total = total + F.cross_entropy(model.logits(hidden[-len(completion) :]), torch.tensor(completion), reduction="sum")
    return total


def test_packed_questions_have_the_loss_and_gradients_of_separate_ones(base, rows):
    pack = pack_of(base, rows)
    packed, separate = load(base), load(base)
    loss, targets, _ = packed_loss(packed, pack)
    expected = one_by_one(separate, pack)
    assert targets == sum(len(c) for _, c in pack.questions)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
    loss.backward()
    expected.backward()
    for (name, a), b in zip(packed.named_parameters(), separate.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def test_packs_computed_together_have_the_loss_and_gradients_of_each_alone(base, rows):
    packs = [pack_of(base, rows[start:], count) for start, count in ((0, 3), (12, 1), (6, 5))]
    assert [len(group) for group in together(packs, most=10**6)] == [3]
    assert [len(group) for group in together(packs, most=1)] == [1, 1, 1]
    at_once, in_turn = load(base), load(base)
    loss, targets, tokens = packed_loss(at_once, *packs)
    loss.backward()
    alone = [packed_loss(in_turn, pack) for pack in packs]
    for one, _, _ in alone:
        one.backward()
    assert (targets, tokens) == tuple(sum(x[i] for x in alone) for i in (1, 2))
    torch.testing.assert_close(loss, sum(x[0] for x in alone), rtol=1e-5, atol=1e-4)
    for (name, a), b in zip(at_once.named_parameters(), in_turn.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def test_the_merged_attention_equals_one_dense_mask(base, rows):
    plan = layout(pack_of(base, rows))
    torch.manual_seed(0)
    inputs = [torch.randn(len(plan.ids), heads, 16, requires_grad=True) for heads in (4, 2, 2)]
    direction = torch.randn(len(plan.ids), 4, 16)
    results = []
    for attend in (attend_packed(plan), attend_masked(plan)):
        out = attend(0, *inputs)
        results.append((out, *torch.autograd.grad(out, inputs, direction)))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_batched_greedy_decoding_writes_what_full_recomputation_writes(base, rows):
    packs, model = [pack_of(base, rows[start:], 2) for start in (0, 12)], load(base)
    prompts = [(pack.prefix, suffix) for pack in packs for suffix, _ in pack.questions]
    assert len(prompts) == 4 and len({prefix for prefix, _ in prompts}) == 2
    for (prefix, suffix), answer in zip(prompts, greedy(model, prompts, end=2, limit=8), strict=True):
        ids = prefix + suffix
        for token in answer:
            plan = layout(Pack(ids[:1], ((ids[1:], (0,)),)))
            with torch.no_grad():
                logits = model.logits(model.hidden(plan.ids, plan.positions, attend_masked(plan))[-1:])
            assert int(logits.argmax()) == token
            ids += (token,)
