"""Export as a file, and the graph that is made on the fly."""

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_support import needs_onnx, padded_batch
from small_language_model import write_language_model

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC, bundled_checkpoint
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from hf_bigru_asr.runtime.export import export_onnx, load_graph, locate_model
from hf_bigru_asr.runtime.model_files import ModelFiles, read_weights

pytestmark = needs_onnx


def test_the_folder_has_all_that_a_program_needs(
    model_dir: Path, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    import onnx

    processor.tokenizer = BiGRUCTCTokenizer(pause_frames=143)
    processor.save_pretrained(model_dir)
    path = export_onnx(model_dir, tmp_path / "exported", waveform=True)

    names = {each.name for each in path.parent.iterdir()}
    assert {"model.onnx", "model_waveform.onnx", "config.json", "processor_config.json", "vocab.json"} <= names
    assert "model.safetensors" not in names
    for name in ("model.onnx", "model_waveform.onnx"):
        model = onnx.load(path.with_name(name))
        metadata = {each.key: each.value for each in model.metadata_props}
        assert metadata["sampling_rate"] == "16000"
        assert metadata["inputs_to_logits_ratio"] == "320"
        assert metadata["blank_id"] == "0"
        assert metadata["pause_frames"] == "143"
        assert json.loads(metadata["symbols"])[:4] == ["", " ", "'", "A"]
        assert json.loads(metadata["feature_settings"])["n_fft"] == 1024
    assert [each.name for each in model.graph.input] == ["waveform", "lengths"]
    assert [each.name for each in model.graph.output] == ["logits", "logit_lengths"]


def test_a_language_model_goes_with_it(model_dir: Path, tmp_path: Path) -> None:
    (model_dir / "language_model").mkdir()
    (model_dir / "language_model" / "lexicon.txt").write_text("A A |\n")

    path = export_onnx(model_dir, tmp_path / "exported")

    assert (path.parent / "language_model" / "lexicon.txt").read_text() == "A A |\n"


def test_confidences_go_with_it(model_dir: Path, tmp_path: Path) -> None:
    ConfidenceModel(tuple(map(float, range(len(FEATURES)))), -2.0).save(model_dir)

    folder = export_onnx(model_dir, tmp_path / "exported").parent

    confidence = BiGRUCTCProcessor.from_pretrained(folder).greedy_decoder().confidence
    assert confidence == ConfidenceModel.from_folder(model_dir) is not None


def test_nothing_of_another_model_stays_beside_an_export(model_dir: Path, tmp_path: Path) -> None:
    other, target = tmp_path / "other", tmp_path / "exported"
    shutil.copytree(model_dir, other)
    write_language_model(other / "language_model")
    export_onnx(other, target, waveform=True)
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}

    with pytest.raises(
        FileExistsError,
        match=r"exported holds language_model/decoding\.json, language_model/lexicon\.txt, language_model/lm\.binary, "
        r"model_waveform\.onnx, which .* remove them, or name another folder",
    ):
        export_onnx(model_dir, target)
    with pytest.raises(FileExistsError, match=r"other holds .*model\.safetensors, which"):
        export_onnx(model_dir, other, waveform=True)

    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    export_onnx(other, target, waveform=True)  # what is written anew is no leftover
    shutil.rmtree(target / "language_model")
    (target / "model_waveform.onnx").unlink()
    export_onnx(model_dir, target)


def test_a_full_disk_leaves_the_earlier_graph(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export_onnx(model_dir, tmp_path / "exported")
    before = path.read_bytes()

    def write_half(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space left"):
        export_onnx(model_dir, tmp_path / "exported")

    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.partial"))


def test_a_graph_of_other_weights_is_refused(model_dir: Path, tiny_model: BiGRUForCTC) -> None:
    files = ModelFiles(model_dir)
    export_onnx(model_dir, model_dir)
    assert load_graph(files) == (model_dir / "model.onnx").read_bytes()

    tiny_model.lm_head.bias.data += 1
    tiny_model.save_pretrained(model_dir)

    with pytest.raises(ValueError, match=r"was not made from the model\.safetensors beside it; remove it"):
        load_graph(files)


def test_a_folder_without_graph_and_weights_is_named(model_dir: Path) -> None:
    (model_dir / "model.safetensors").unlink()

    with pytest.raises(FileNotFoundError, match=r"has neither model\.onnx nor model\.safetensors"):
        load_graph(ModelFiles(model_dir))


def test_another_model_is_refused(model_dir: Path, tmp_path: Path) -> None:
    (model_dir / "config.json").write_text('{"model_type": "wav2vec2"}')

    with pytest.raises(ValueError, match="holds a model of the type 'wav2vec2'"):
        export_onnx(model_dir, tmp_path / "exported")
    with pytest.raises(FileNotFoundError, match=r"config\.json does not exist; give a folder"):
        export_onnx(tmp_path, tmp_path / "exported")


def test_where_a_model_lies() -> None:
    assert locate_model("bundled") == bundled_checkpoint()
    with pytest.raises(FileNotFoundError, match=r"\./nothing does not exist"):
        locate_model("./nothing")
    with pytest.raises(FileNotFoundError, match=r"could be downloaded: it is not in the cache, and .{21,25}$"):
        locate_model("nobody/nothing", local_files_only=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_weights_of_every_format(tiny_model: BiGRUForCTC, tmp_path: Path, dtype: torch.dtype) -> None:
    tiny_model.to(dtype).save_pretrained(tmp_path)

    weights = read_weights(tmp_path / "model.safetensors")

    for name, value in tiny_model.state_dict().items():
        assert weights[name].dtype == np.float32
        np.testing.assert_array_equal(weights[name], value.float().numpy())


def test_broken_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not a tensor")

    with pytest.raises(ValueError, match=r"model\.safetensors is no readable safetensors file"):
        read_weights(path)


def test_symbols_are_those_of_the_tokenizer(model_dir: Path, processor: BiGRUCTCProcessor) -> None:
    assert ModelFiles(model_dir).symbols == [
        processor.tokenizer.decode([index], group_tokens=False) for index in range(processor.tokenizer.vocab_size)
    ]


def test_feature_settings_of_a_feature_extractor_alone(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    processor.feature_extractor.mel_floor = 1e-5
    processor.feature_extractor.save_pretrained(tmp_path)

    assert ModelFiles(tmp_path).feature_settings.mel_floor == 1e-5


def test_the_weights_need_not_lie_beside_the_graph(model_dir: Path, tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    from hf_bigru_asr import OnnxBiGRUForCTC

    folder = export_onnx(model_dir, tmp_path / "exported").parent
    shutil.rmtree(model_dir)
    features, mask = padded_batch([9, 4])

    model = OnnxBiGRUForCTC.from_pretrained(folder, num_threads=1)

    with torch.inference_mode():
        expected = tiny_model(features, attention_mask=mask).logits
    torch.testing.assert_close(model(features, attention_mask=mask).logits, expected, atol=1e-4, rtol=0)
