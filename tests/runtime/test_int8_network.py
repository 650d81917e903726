"""The network with 8 bits against the one in float32: silence, long recordings and the bundled weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_support import real_waveforms
from small_network import MELS, make_model
from sounds import changing_sound

from hf_bigru_asr import BiGRUForCTC, bundled_checkpoint
from hf_bigru_asr.native.library import is_available
from hf_bigru_asr.runtime.frame_store import Frames
from hf_bigru_asr.runtime.int8_network import Int8Network
from hf_bigru_asr.runtime.log_mel import LogMelSettings, log_mel
from hf_bigru_asr.runtime.long_audio import log_probs_in_pieces
from hf_bigru_asr.runtime.model_files import ModelFiles
from hf_bigru_asr.runtime.onnx_graph import Weights
from hf_bigru_asr.runtime.silence import SilenceRule, silence_rule

pytestmark = pytest.mark.skipif(not is_available(), reason="the compiled part of the package is not there")


def weights_of(model: BiGRUForCTC) -> Weights:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def log_probs_of(model: BiGRUForCTC, features: Frames) -> Frames:
    with torch.inference_mode():
        return model.eval()(torch.from_numpy(features)[None]).logits[0].numpy()


def test_silence_is_left_out_as_in_the_model() -> None:
    torch.manual_seed(0)
    model = make_model(max_silence_frames=4)
    features = [np.random.default_rng(seed).normal(0, 1, (60, MELS)).astype(np.float32) for seed in range(3)]
    features[0][10:40] = 0
    features[1][:] = 0
    network = Int8Network(weights_of(model), SilenceRule(4, blank_id=0))

    for frames, found in zip(features, network.log_probs(features), strict=True):
        np.testing.assert_allclose(found, log_probs_of(model, frames), atol=0.03)


@pytest.mark.parametrize("num_segments", [1, 3])
def test_a_long_recording_is_close_to_one_pass(num_segments: int) -> None:
    torch.manual_seed(0)
    settings = LogMelSettings(feature_size=8)
    network = Int8Network(weights_of(make_model(num_mel_bins=8)))
    audio = changing_sound(60_000)
    expected = network.log_probs([log_mel(audio, settings)])[0]

    pieces = log_probs_in_pieces(network.layer_runner(), [audio], settings, chunk_s=0.3, num_segments=num_segments)
    np.testing.assert_allclose(np.concatenate(list(pieces)), expected, atol=1e-4 if num_segments == 1 else 0.03)


def test_the_bundled_network_on_real_speech(librispeech_dir: Path) -> None:
    files = ModelFiles(bundled_checkpoint())
    network = Int8Network(files.read_weights(), silence_rule(files.config))
    model = BiGRUForCTC.from_pretrained(bundled_checkpoint())
    features = [log_mel(waveform, files.feature_settings) for waveform in real_waveforms(librispeech_dir, 4)]

    for frames, found in zip(features, network.log_probs(features), strict=True):
        expected = log_probs_of(model, frames)
        differences = np.abs(np.exp(found) - np.exp(expected)).max(axis=1)
        assert differences.mean() < 0.01
        assert (found.argmax(axis=1) != expected.argmax(axis=1)).mean() < 0.02


def test_weights_of_another_model_are_refused() -> None:
    weights = dict(weights_of(make_model()))
    del weights["bigru.layers.1.bias_hh_l0"]
    with pytest.raises(ValueError, match="The weights are not those of a BiGRUForCTC"):
        Int8Network(weights)
