"""The benchmark compares like with like; what it measures is no test."""

import pytest
import torch

from benchmarks.training import Batch, PackedGRUForCTC, step_shares, training_gflop, training_step
from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC


def test_packed_reference_is_the_same_network() -> None:
    torch.manual_seed(0)
    config = BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2, hidden_dropout=0.0, apply_spec_augment=False)
    model = BiGRUForCTC(config).train()
    packed = PackedGRUForCTC(config).train()
    packed.load_weights(model)
    batch = Batch.random(3, 40, config)

    losses = [training_step(network, batch)() for network in (model, packed)]

    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    gradients = [network.lm_head.weight.grad for network in (model, packed)]
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-4)


def test_training_gflop_counts_the_weights_of_the_matrix_products() -> None:
    config = BiGRUCTCConfig()
    matrices = sum(p.numel() for p in BiGRUForCTC(config).parameters() if p.dim() == 2)

    assert training_gflop(config, 1000) == pytest.approx(6 * matrices * 1000 / 1e9)


def test_packed_reference_scores_as_the_network_does() -> None:
    config = BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2)
    model, packed = BiGRUForCTC(config).eval(), PackedGRUForCTC(config).eval()
    packed.load_weights(model)
    features, lengths = torch.randn(3, 9, 128), torch.tensor([4, 9, 7])
    mask = torch.arange(9) < lengths[:, None]

    with torch.inference_mode():
        expected, found = model(features, attention_mask=mask).logits, packed.log_probs(features, lengths)

    torch.testing.assert_close(found[mask], expected[mask], atol=1e-5, rtol=0)


@pytest.mark.parametrize("hop_length", [320, 480])
def test_a_random_batch_has_as_many_characters_per_second_as_speech(hop_length: int) -> None:
    """LibriSpeech's text has 14.6 per second; the shortest utterance of the batch has 70 % of the frames."""
    batch = Batch.random(4, 1000, BiGRUCTCConfig(inputs_to_logits_ratio=hop_length))
    shortest_s = 0.7 * 1000 * hop_length / 16_000
    assert batch.labels.shape == (4, int(14.6 * shortest_s))
    assert batch.attention_mask.sum(-1).min() >= 700


def test_a_step_is_divided_among_kinds_of_operators() -> None:
    weight = torch.randn(256, 256)

    def step() -> None:
        for _ in range(200):
            torch.randn(3, 256) @ weight
        torch.randn(2000, 256) @ weight

    def few() -> None:
        torch.randn(2000, 256) @ weight
        torch.randn(2000, 256).exp()

    shares, other = step_shares(step, 3), step_shares(few, 3)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["products_of_a_frame"] > 0
    assert shares["products_of_all_frames"] > 0
    assert shares["ctc_loss"] == other["ctc_loss"] == other["products_of_a_frame"] == 0
    assert other["gates_and_copies"] > 0


def test_a_training_step_has_all_kinds() -> None:
    config = BiGRUCTCConfig(hidden_size=8, num_hidden_layers=1, apply_spec_augment=False)
    shares = step_shares(training_step(BiGRUForCTC(config).train(), Batch.random(3, 40, config)), 3)
    assert all(share > 0 for share in shares.values())
