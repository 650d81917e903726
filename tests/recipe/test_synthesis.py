import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset
from tone_voice import ToneVoice

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.data.parquet_rows import speech_row, write_rows
from hf_bigru_asr.storage.locks import FolderInUseError
from recipe import synthesis
from recipe.synthesis import SynthesisSettings, load_voice, select_sentences, synthesize_split, synthesize_utterance

SENTENCES = ["HELLO THERE", "IT IS A BROWN FOX", "THE BOYS' DOG", "'TIS DON'T", "FIVE MORE WORDS ARE HERE"]


def fixed(**changes: object) -> SynthesisSettings:
    """Settings that draw nothing but the noise, which is far away."""
    plain = {
        "voices": ("tone:a",),
        "pace": (1.0, 1.0),
        "resonance": (1.0, 1.0),
        "reverberation_prob": 0.0,
        "signal_to_noise_db": (90.0, 90.0),
        "margin_s": (0.1, 0.1),
    }
    return SynthesisSettings(**(plain | changes))


def test_sentences_are_normalised_without_doubles_and_in_drawn_order() -> None:
    lines = ["Hello there.\n", "a b", "HELLO THERE", "leave this out", "one two three four", "five six seven"]
    chosen = select_sentences(lines, 10, exclude=["Leave this out!"], min_words=2, max_words=3, seed=1)
    assert sorted(chosen) == ["A B", "FIVE SIX SEVEN", "HELLO THERE"]
    assert select_sentences(lines, 2, exclude=["Leave this out!"], min_words=2, max_words=3, seed=1) == chosen[:2]
    many = [f"{a} {b}" for a in "abcdefgh" for b in "abcdefgh"]
    assert select_sentences(many, 64, min_words=1, seed=0) != select_sentences(many, 64, min_words=1, seed=1)


def test_no_sentence_left_is_an_error() -> None:
    with pytest.raises(ValueError, match="No sentence of 3 to 40 words is left of 1"):
        select_sentences(["too short"], 5)


@pytest.mark.parametrize(("pace", "resonance"), [(1.0, 1.0), (1.25, 1.0), (1.0, 0.8), (0.8, 1.2)])
def test_pace_and_resonance(pace: float, resonance: float) -> None:
    settings = fixed(pace=(pace, pace), resonance=(resonance, resonance))
    speech, which = synthesize_utterance("HELLO THERE", [ToneVoice()], settings, 0)
    assert which == 0
    assert speech.dtype == np.float32
    # The length is that of the pace alone, and the pitch that of the resonance alone.
    assert len(speech) / 16_000 == pytest.approx(0.2 + 1.1 / pace, abs=0.01)
    loudest = np.abs(np.fft.rfft(speech)).argmax() * 16_000 / len(speech)
    assert loudest == pytest.approx(200 * resonance, abs=2)


def test_margins_level_and_text() -> None:
    voice = ToneVoice()
    speech, _ = synthesize_utterance("'TIS THE BOYS' DON'T", [voice], fixed(), 3)
    assert voice.texts == ["tis the boys don't"]
    assert 0.3 <= np.abs(speech).max() <= 0.9
    assert np.abs(speech[:1500]).max() < 1e-3 < np.abs(speech[1700:2000]).max()
    assert np.abs(speech[-1500:]).max() < 1e-3


def test_draws_depend_on_seed_and_number_alone() -> None:
    settings = SynthesisSettings(voices=("tone:a", "tone:b"))
    voices = [ToneVoice(), ToneVoice()]
    first = [synthesize_utterance("HELLO", voices, settings, number) for number in range(8)]
    again = [synthesize_utterance("HELLO", voices, settings, number) for number in reversed(range(8))]
    for (speech, which), (same, also) in zip(first, reversed(again), strict=True):
        assert np.array_equal(speech, same)
        assert which == also
    assert {which for _, which in first} == {0, 1}
    assert len({len(speech) for speech, _ in first}) == 8
    other, _ = synthesize_utterance("HELLO", voices, SynthesisSettings(voices=("tone:a", "tone:b"), seed=1), 0)
    assert not np.array_equal(other, first[0][0])


def test_voices_by_weight() -> None:
    settings = fixed(voices=("tone:a", "tone:b"), voice_weights=(3.0, 1.0))
    which = [synthesize_utterance("A", [ToneVoice()] * 2, settings, number)[1] for number in range(400)]
    assert 70 < sum(which) < 130


def test_a_silent_voice_is_an_error() -> None:
    def mute(text: str, pace: float, seed: int) -> np.ndarray:
        return np.zeros(1000, np.float32)

    mute.sampling_rate = 16_000
    with pytest.raises(ValueError, match="tone:a reads 'HELLO' as silence"):
        synthesize_utterance("HELLO", [mute], fixed(), 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voices": ()}, "voices is empty"),
        ({"voice_weights": (1.0, 2.0)}, "1 voices and 2 voice_weights"),
        ({"voice_weights": (0.0,)}, "not all of them 0"),
        ({"reverberation_prob": 2.0}, "reverberation_prob is 2.0"),
        ({"pace": (0.0, 1.0)}, r"pace is \(0.0, 1.0\)"),
        ({"resonance": (1.2, 0.8)}, "the lower one first"),
        ({"pace": (1.0, 1.1, 1.2)}, "give two positive numbers"),
        ({"signal_to_noise_db": (40.0, 20.0)}, r"signal_to_noise_db is \(40.0, 20.0\); give two numbers"),
    ],
)
def test_bad_settings(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fixed(**changes)


@pytest.mark.parametrize("name", ["heart", "festival:don", "hibari:", "hibari:nobody"])
def test_unknown_voices(name: str) -> None:
    pytest.importorskip("hibari")
    with pytest.raises((ValueError, KeyError), match=r"There is no voice|nobody"):
        load_voice(name)


def test_a_missing_package_or_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "hibari", None)
    with pytest.raises(ImportError, match="pip install hibari-tts"):
        load_voice("hibari:heart")
    monkeypatch.setattr(synthesis.shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="apt-get install flite"):
        load_voice("flite:slt")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., list[Path]]:
    pytest.importorskip("hibari")

    def run(**options: int) -> list[Path]:
        settings = SynthesisSettings(voices=("hibari:heart",))
        return sorted(synthesize_split(SENTENCES, tmp_path / "speech", settings, shard_size=2, **options))

    return run


def test_a_split_can_be_read_resumed_and_made_again(make: Callable[..., list[Path]], tmp_path: Path) -> None:
    shards = make()
    assert [path.name for path in shards] == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    dataset = load_dataset(str(tmp_path / "speech"), split="train", cache_dir=str(tmp_path / "cache"))
    assert dataset["text"] == SENTENCES
    assert set(dataset["speaker_id"]) == {1_000_000}
    assert dataset.features["audio"].sampling_rate == 16_000
    for row in load_speech_dataset(tmp_path / "speech", split="train"):
        speech = load_audio(row["audio"]["bytes"])
        assert len(speech) > 16_000 * 0.03 * len(row["text"])
    before = [path.read_bytes() for path in shards]
    shards[1].unlink()
    kept = shards[0].stat().st_mtime_ns
    # Another process makes the same.
    assert make(num_workers=2) == shards
    assert [path.read_bytes() for path in shards] == before
    assert shards[0].stat().st_mtime_ns == kept


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "load_voice", lambda name: ToneVoice())
    folder = tmp_path / "speech"
    folder.mkdir()
    rows = [speech_row(text, np.zeros(9, np.float32), 16_000, text, speaker_id=1, chapter_id=0) for text in SENTENCES]
    write_rows(rows, folder / "train-00000-of-00001.parquet")  # made already: nothing is left to do
    assert len(list(synthesize_split(SENTENCES, folder, fixed()))) == 1
    assert json.loads((folder / "train-synthesis.json").read_text())["num_utterances"] == 5
    assert len(list(synthesize_split(SENTENCES, folder, fixed()))) == 1
    with pytest.raises(ValueError, match="begun with other settings;"):
        list(synthesize_split(SENTENCES, folder, fixed(seed=1)))
    with pytest.raises(ValueError, match="begun with other sentences_sha256;"):
        list(synthesize_split([*SENTENCES[:4], "ANOTHER"], folder, fixed()))
    with pytest.raises(ValueError, match="num_workers 0"):
        list(synthesize_split(SENTENCES, folder, fixed(), num_workers=0))


@pytest.mark.parametrize("record", ["", '{"settings": '])
def test_a_record_that_a_power_failure_cut_is_written_again(
    record: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesis, "load_voice", lambda name: ToneVoice())
    next(made := synthesize_split(SENTENCES, tmp_path, fixed(), shard_size=2))
    made.close()
    assert list(tmp_path.glob("*.parquet")) == []
    (tmp_path / "train-synthesis.json").write_text(record)
    with pytest.raises(FileExistsError, match="has other sentences; give another folder"):
        list(synthesize_split(SENTENCES[::-1], tmp_path, fixed(), shard_size=2))
    shards = list(synthesize_split(SENTENCES, tmp_path, fixed(), shard_size=2))
    assert json.loads((tmp_path / "train-synthesis.json").read_text())["num_utterances"] == 5
    assert sorted(tmp_path.glob("*.parquet")) == shards
    assert not (tmp_path / ".train.partial").exists()


def test_two_runs_in_one_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "load_voice", lambda name: ToneVoice())
    next(made := synthesize_split(SENTENCES, tmp_path, fixed(), shard_size=2))
    with pytest.raises(FolderInUseError, match="is in use by process"):
        next(synthesize_split(SENTENCES, tmp_path, fixed(), shard_size=2))
    made.close()


@pytest.mark.skipif(shutil.which("flite") is None, reason="needs the program flite")
def test_flite_reads_at_its_pace() -> None:
    voice = load_voice("flite:slt")
    slow, fast = (voice("hello there my friend", pace, 0) for pace in (0.8, 1.25))
    assert len(slow) / len(fast) == pytest.approx(1.25 / 0.8, rel=0.1)
    assert 0.01 < np.sqrt(np.mean(slow**2)) < 1
    with pytest.raises(ValueError, match="flite has no voice 'nobody'; it has kal"):
        load_voice("flite:nobody")
