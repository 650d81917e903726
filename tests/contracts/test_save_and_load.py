"""Contract 2: save and load.

`save_pretrained` and `from_pretrained` give equal weights and outputs, also in a process where the package cannot be
imported (`trust_remote_code=True`). A checkpoint that lacks keys gives properly initialised weights, never raw memory:
`tests/model/test_modeling_weights.py`. Push and pull, by every door: `test_push_and_pull.py`.
"""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from recognition import TOLERANCE, recognise

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC


def test_save_and_load_gives_equal_weights_and_outputs(
    model_dir: Path,
    alone: list[tuple[torch.Tensor, str]],
    tiny_model: BiGRUForCTC,
    waveforms: list[np.ndarray],
) -> None:
    model = BiGRUForCTC.from_pretrained(model_dir)
    for name, weight in tiny_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    again = recognise(model, BiGRUCTCProcessor.from_pretrained(model_dir), waveforms)
    for (log_probs, text), (expected, expected_text) in zip(again, alone, strict=True):
        torch.testing.assert_close(log_probs, expected, atol=TOLERANCE, rtol=0)
        assert text == expected_text


@pytest.mark.slow
def test_a_process_without_the_package_loads_with_trust(
    model_dir: Path,
    alone: list[tuple[torch.Tensor, str]],
    waveforms: list[np.ndarray],
    run_in_fork: Callable[..., str],
    tmp_path: Path,
) -> None:
    np.savez(tmp_path / "audio.npz", *waveforms)
    code = """
        import json, sys
        import numpy as np
        sys.modules["hf_bigru_asr"] = None
        sys.modules["rapidfuzz"] = None  # for training alone
        try:
            import hf_bigru_asr
        except ImportError:
            pass
        else:
            raise SystemExit("the package can be imported")

        import torch
        from transformers import AutoModelForCTC, AutoProcessor, AutoTokenizer, pipeline

        folder, trust = sys.argv[1], {"trust_remote_code": True}
        waveforms = list(np.load("audio.npz").values())
        model = AutoModelForCTC.from_pretrained(folder, **trust).eval()
        processor = AutoProcessor.from_pretrained(folder, **trust)
        assert AutoTokenizer.from_pretrained(folder, **trust)("HELLO").input_ids == [10, 7, 14, 14, 17]
        with torch.no_grad():
            logits = [model(**processor(audio=each, sampling_rate=16000)).logits[0] for each in waveforms]
        recognizer = pipeline("automatic-speech-recognition", model=folder, **trust)
        texts = [result["text"] for result in recognizer(waveforms, batch_size=3)]
        np.savez("logits.npz", *logits)
        for each in (model, processor, recognizer.tokenizer, recognizer.feature_extractor):
            assert type(each).__module__.startswith("transformers_modules."), type(each)
        # What such a process saves can be loaded again.
        model.save_pretrained("again")
        processor.save_pretrained("again")
        AutoModelForCTC.from_pretrained("again", **trust)
        AutoProcessor.from_pretrained("again", **trust)
        print(json.dumps(texts))
    """
    printed = run_in_fork(textwrap.dedent(code), model_dir)
    assert json.loads(printed.splitlines()[-1]) == [text for _, text in alone]
    remote = np.load(tmp_path / "logits.npz").values()
    for log_probs, (expected, _) in zip(remote, alone, strict=True):
        np.testing.assert_allclose(log_probs, expected, atol=TOLERANCE)
