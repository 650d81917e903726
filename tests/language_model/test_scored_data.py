"""Log-probabilities of a data set, against the model, and which language model a script takes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from small_language_model import write_language_model
from speech_rows import SCHEMA, flac
from tone_speech import RATE_HZ, speak

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC, bundled_checkpoint, load_audio
from hf_bigru_asr.language_model.scored_data import ScoredDataset, ScoringArguments, language_model_folder


def write_dataset(folder: Path, texts: list[str]) -> list[bytes]:
    """A data set of spoken texts, one split; gives the files in it."""
    files = [flac(speak(text.upper(), seed=number)[0]) for number, text in enumerate(texts)]
    rows = [
        {"file": str(number), "audio": {"bytes": file, "path": None}, "text": text, "id": str(number)}
        for number, (file, text) in enumerate(zip(files, texts, strict=True))
    ]
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "validation-00000-of-00001.parquet")
    return files


def test_utterances_of_any_length(listener_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["IT NO", "I NO IT A YOU NO", "a", "YOU A IT NO I IT NO YOU NO IT I NO"]
    files = write_dataset(tmp_path / "data", texts)
    model, processor = (
        BiGRUForCTC.from_pretrained(listener_dir).eval(),
        BiGRUCTCProcessor.from_pretrained(listener_dir),
    )
    expected = []
    for file in files:
        with torch.inference_mode():
            inputs = processor(audio=load_audio(file), sampling_rate=RATE_HZ)
            expected.append(model(**inputs).logits[0])
    monkeypatch.setattr("hf_bigru_asr.transcription.network.LONG_S", 2.0)
    lengths: list[int] = []
    forward = BiGRUForCTC.forward

    def watched(self: BiGRUForCTC, input_features: torch.Tensor, **inputs: object) -> object:
        lengths.append(input_features.shape[1])
        return forward(self, input_features, **inputs)

    monkeypatch.setattr(BiGRUForCTC, "forward", watched)
    scored = ScoredDataset.compute(
        ScoringArguments(str(tmp_path / "data"), split="validation", model=str(listener_dir), batch_size=3)
    )
    assert scored.references == [text.upper() for text in texts]
    for found, log_probs in zip(scored.utterances, expected, strict=True):
        torch.testing.assert_close(found, log_probs, atol=1e-4, rtol=0)
    assert scored.hours == pytest.approx(sum(map(len, expected)) * processor.frame_s / 3600)
    assert 0 < max(lengths) <= 2.0 / processor.frame_s
    (greedy,) = processor.greedy_decoder()(scored.utterances[3][None])[0]
    assert greedy.text == texts[3]


def test_rows_of_a_manifest_are_left_out_within_a_limit(listener_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac(speak("IT NO", seed=0)[0]))
    manifest = tmp_path / "speech.csv"
    manifest.write_text("file_name,text\na.flac,IT NO\nmissing.flac,NO\n")
    options = {"split": "all", "model": str(listener_dir)}
    scored = ScoredDataset.compute(ScoringArguments(str(manifest), **options, max_bad_rows=1))
    assert scored.references == ["IT NO"]
    with pytest.raises(ValueError, match="1 of 2 rows cannot be used"):
        ScoredDataset.compute(ScoringArguments(str(manifest), **options, max_bad_rows=0))


def test_an_utterance_that_cannot_be_used_is_refused(listener_dir: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", ["IT NO"])
    path = tmp_path / "data" / "validation-00000-of-00001.parquet"
    row = {"file": "0", "audio": {"bytes": b"no audio", "path": None}, "text": "NO", "id": "0"}
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), path)
    with pytest.raises(ValueError, match="no audio file"):
        ScoredDataset.compute(ScoringArguments(str(tmp_path / "data"), split="validation", model=str(listener_dir)))


def test_folder_of_a_language_model(model_dir: Path, tmp_path: Path) -> None:
    named = write_language_model(tmp_path / "lm")
    assert language_model_folder(named, "nobody/nothing", to_write=True) == named
    with pytest.raises(FileNotFoundError, match=r"nosuch/lm.binary does not exist; .* 'own' for the model's own"):
        language_model_folder(tmp_path / "nosuch", model_dir)
    installed = bundled_checkpoint() / "language_model"
    assert language_model_folder("own", "bundled") == installed
    assert language_model_folder("own", "bundled", to_write=True, overwrite_installed=True) == installed
    for name in ("own", installed):
        with pytest.raises(ValueError, match="belongs to the installed model, which is not changed unasked; copy"):
            language_model_folder(name, "bundled", to_write=True)
    with pytest.raises(FileNotFoundError, match=r"model has no language model of its own; .* scripts/build_lm\.py"):
        language_model_folder("own", model_dir)
    folder = write_language_model(model_dir / "language_model")
    assert language_model_folder("own", model_dir, to_write=True) == folder


def test_nothing_is_written_beside_a_model_on_the_hub() -> None:
    with pytest.raises(ValueError, match="The language model of nobody/nothing lies on the Hub, and nothing can be"):
        language_model_folder("own", "nobody/nothing", to_write=True)
