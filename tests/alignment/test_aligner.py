import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from repository import SAMPLE

from hf_bigru_asr import Aligner, BiGRUCTCProcessor, BiGRUForCTC, align
from hf_bigru_asr.alignment.aligner import AlignedWord, Alignment
from hf_bigru_asr.audio.loading import AudioError, load_audio, to_mono_float32
from hf_bigru_asr.data.loading import load_speech_dataset
from hf_bigru_asr.model import ctc_alignment_bigru_ctc as alignment

RATE_HZ = 16_000
TEXT = "Therefore Her Majesty paid no attention to anyone, and no one paid any attention to her."
"""The text of the sample, in ordinary English."""
SPOKEN = "THE RIVER WAS VERY WIDE AND THE BOAT MOVED SLOWLY OVER THE WATER WITH A YOUNG WOMAN AND HER FATHER IN IT"


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner.from_pretrained("bundled")


@pytest.fixture(scope="module")
def sample_log_probs(aligner: Aligner) -> torch.Tensor:
    return aligner.log_probs(load_audio(SAMPLE))


@pytest.fixture
def tiny_aligner(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> Aligner:
    return Aligner(tiny_model, processor)


def check_order(result: Alignment) -> None:
    """Characters fill their words, words do not overlap, and all of them lie in the recording."""
    last_s = 0.0
    for word in result.words:
        assert "".join(span.char for span in word.characters) == word.normalized
        assert last_s <= word.start_s == word.characters[0].start_s
        assert all(left.end_s == right.start_s for left, right in zip(word.characters, word.characters[1:]))  # noqa: B905 - pairs
        assert all(span.start_s <= span.end_s and 0 <= span.score <= 1.0001 for span in word.characters)
        last_s = word.characters[-1].end_s
        assert word.start_s < word.end_s == last_s
        assert 0 <= word.score <= 1
    assert last_s <= result.duration_s


def spoken_words() -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Words read aloud one by one, put together with pauses of 0 to 0.5 s; where each begins and ends, in seconds."""
    pytest.importorskip("hibari")
    from recipe.synthesis import load_voice

    voice, generator = load_voice("hibari:heart"), np.random.default_rng(0)
    sounds: dict[str, np.ndarray] = {}
    pieces, times, position = [np.zeros(RATE_HZ // 4, dtype=np.float32)], [], RATE_HZ // 4
    for word in SPOKEN.lower().split():
        if word not in sounds:
            sound = to_mono_float32(voice(word, 1.0, 0), voice.sampling_rate)
            heard = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
            sounds[word] = sound[heard[0] : heard[-1] + 1]
        pause = round(generator.choice([0.0, 0.1, 0.3, 0.5]) * RATE_HZ)
        times.append((position / RATE_HZ, (position + len(sounds[word])) / RATE_HZ))
        pieces += [sounds[word], np.zeros(pause, dtype=np.float32)]
        position += len(sounds[word]) + pause
    audio = np.concatenate([*pieces, np.zeros(RATE_HZ // 4, dtype=np.float32)])
    noise = generator.normal(0.0, 1e-3, len(audio))
    return (0.5 * audio / np.abs(audio).max() + noise).astype(np.float32), times


def test_the_network_runs_over_long_recordings_in_chunks(aligner: Aligner, monkeypatch: pytest.MonkeyPatch) -> None:
    waveform = load_audio(SAMPLE)
    whole = aligner.log_probs(waveform)
    monkeypatch.setattr("hf_bigru_asr.transcription.network.LONG_S", 1.0)
    monkeypatch.setattr(aligner.model, "forward", None)
    torch.testing.assert_close(aligner.log_probs(waveform), whole, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_words_are_where_they_were_put(aligner: Aligner) -> None:
    audio, times = spoken_words()

    result = aligner.align(audio, SPOKEN, sampling_rate=RATE_HZ)

    check_order(result)
    starts, ends = zip(*times, strict=True)
    start_errors = np.array([word.start_s for word in result.words]) - starts
    end_errors = np.array([word.end_s for word in result.words]) - ends
    assert np.median(np.abs(start_errors)) < 0.06
    assert np.median(np.abs(end_errors)) < 0.06
    assert np.quantile(np.abs([*start_errors, *end_errors]), 0.9) < 0.2


def test_words_keep_their_spelling(aligner: Aligner) -> None:
    result = align(SAMPLE, TEXT)

    check_order(result)
    assert [word.text for word in result.words] == TEXT.split()
    assert result.is_as_written
    assert result.duration_s == pytest.approx(len(load_audio(SAMPLE)) / RATE_HZ)
    assert result.words[7].text == "anyone,"
    assert result.words[7].normalized == "ANYONE"
    assert result.words[8].start_s - result.words[7].end_s > 0.2  # the comma's pause
    together = aligner.align(SAMPLE, TEXT.replace("Her Majesty", "Her-Majesty"))
    assert together.words[1].normalized == "HER MAJESTY"
    assert together.words[1].start_s == result.words[1].start_s
    assert together.words[1].end_s == result.words[2].end_s
    check_order(together)
    assert aligner.align(SAMPLE, TEXT + " \u2603", on_unknown="remove").words[-1].text == "her. \u2603"


def test_a_text_that_cannot_be_matched_gives_the_normalised_words(
    aligner: Aligner, sample_log_probs: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_bigru_asr.alignment.aligned_text.written_words", lambda text, on_unknown: None)
    result = aligner.align_log_probs(sample_log_probs, TEXT)
    assert not result.is_as_written
    assert [word.text for word in result.words] == TEXT.replace(",", "").replace(".", "").upper().split()


@pytest.mark.parametrize(("position", "other"), [(2, "queen"), (5, "without"), (12, "sings"), (15, "summer")])
def test_a_word_that_was_not_said_stands_out(
    position: int, other: str, aligner: Aligner, sample_log_probs: torch.Tensor
) -> None:
    words = TEXT.split()
    right = aligner.align_log_probs(sample_log_probs, TEXT)
    words[position] = other

    wrong = aligner.align_log_probs(sample_log_probs, " ".join(words))

    assert wrong.words[position].score < 0.1 * right.words[position].score
    assert wrong.words[position].score == min(word.score for word in wrong.words)
    assert wrong.score < right.score


def test_what_the_network_would_write_has_the_score_one(aligner: Aligner, sample_log_probs: torch.Tensor) -> None:
    heard = aligner.processor.batch_decode(sample_log_probs.argmax(-1)[None])[0]

    result = aligner.align_log_probs(sample_log_probs, heard)

    assert result.score == pytest.approx(1.0)
    assert [word.score for word in result.words] == pytest.approx([1.0] * len(result.words))


def test_the_score_is_the_mean_over_characters(aligner: Aligner) -> None:
    log_probs = torch.full((7, 29), -20.0)
    a, b, c = (aligner.processor.tokenizer(char).input_ids[0] for char in "ABC")
    for frame, best, probability in ((1, a, 0.9), (3, c, 0.5), (5, b, 0.9)):
        log_probs[frame, best] = np.log(probability)
    log_probs[3, b] = np.log(0.25)
    log_probs[[0, 2, 4, 6], 0] = 0.0

    (word,) = aligner.align_log_probs(log_probs, "abb").words

    assert word.score == pytest.approx((0.25 / 0.5) ** (1 / 3))
    assert [span.score for span in word.characters] == pytest.approx([0.9, 0.25, 0.9])


def test_a_long_recording_is_aligned_as_in_one_piece(
    aligner: Aligner, sample_log_probs: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_probs, text = sample_log_probs.repeat(20, 1), " ".join([TEXT] * 20)
    expected = aligner.align_log_probs(log_probs, text)
    monkeypatch.setattr(alignment, "_MAX_CELLS", 0)

    result = aligner.align_log_probs(log_probs, text)

    assert result == expected
    check_order(result)
    for turn in range(20):
        begin_s = turn * len(sample_log_probs) * aligner.frame_s
        words = result.words[turn * len(TEXT.split()) :][: len(TEXT.split())]
        assert words[0].start_s >= begin_s
        assert words[-1].end_s <= begin_s + len(sample_log_probs) * aligner.frame_s


@pytest.mark.slow
def test_utterances_of_a_long_real_recording(
    aligner: Aligner, librispeech_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two minutes of several speakers: every utterance's words lie in it, and the path is that of one call."""
    dataset = load_speech_dataset(str(librispeech_dir / "librispeech_asr"), "clean", "validation")
    waveforms, texts, ends_s = [], [], [0.0]
    for row in dataset.shuffle(seed=0):
        waveforms.append(load_audio(row["audio"]["bytes"]))
        texts.append(row["text"])
        ends_s.append(ends_s[-1] + len(waveforms[-1]) / RATE_HZ)
        if ends_s[-1] > 120:
            break
    log_probs = aligner.log_probs(np.concatenate(waveforms))
    text = " ".join(texts)
    # As many pieces as a recording of ten minutes would have.
    monkeypatch.setattr(alignment, "_MAX_CELLS", alignment._MAX_CELLS // 25)
    assert len(log_probs) * 2 * len(text) > alignment._MAX_CELLS

    result = aligner.align_log_probs(log_probs, text)

    check_order(result)
    words = iter(result.words)
    errors_s: list[float] = []
    for begin_s, end_s, utterance in zip(ends_s, ends_s[1:], texts, strict=False):
        inside: list[AlignedWord] = [next(words) for _ in utterance.split()]
        errors_s += [max(begin_s - inside[0].start_s, 0.0), max(inside[-1].end_s - end_s, 0.0)]
        assert inside[0].start_s < begin_s + 1.5
        assert inside[-1].end_s > end_s - 1.5
    assert max(errors_s) < 0.2
    assert np.quantile(errors_s, 0.9) < 0.05

    monkeypatch.setattr(alignment, "_MAX_CELLS", 1 << 40)
    at_once = aligner.align_log_probs(log_probs, text)
    differences_s = [abs(a.start_s - b.start_s) for a, b in zip(result.words, at_once.words, strict=True)]
    assert max(differences_s) <= 0.04


def test_every_form_of_audio_gives_the_same(tiny_aligner: Aligner, tmp_path: Path) -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(RATE_HZ)).clip(-1, 1)
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="WAV", subtype="PCM_16")
    path = tmp_path / "noise.wav"
    path.write_bytes(file.getvalue())
    integers = soundfile.read(path, dtype="int16")[0]

    expected = tiny_aligner.align(path, "hello")

    file.seek(0)
    for audio in (str(path), file.getvalue(), file):
        assert tiny_aligner.align(audio, "hello") == expected
    for array in (integers, torch.from_numpy(integers), np.stack([integers, integers])):
        assert tiny_aligner.align(array, "hello", sampling_rate=RATE_HZ) == expected


@pytest.mark.parametrize(
    ("audio", "text", "options", "error", "message"),
    [
        (np.ones(3200), "", {}, ValueError, "text is '', in which nothing is said; give the words"),
        (np.ones(3200), " ... ", {}, ValueError, "in which nothing is said"),
        (np.ones(3200), "\u043f\u0440\u0438", {}, ValueError, "CYRILLIC SMALL LETTER PE.* at position 0"),
        (np.ones(3200), "too many words", {}, ValueError, r"'TOO MANY WORDS' needs 15 frames.* there are 10, 0\.20 s"),
        (np.ones(0), "hello", {}, AudioError, "has no samples"),
        (SAMPLE.read_bytes()[:9000], "hello", {"sampling_rate": None}, AudioError, "; record or download it again$"),
        (b"", "hello", {"sampling_rate": None}, AudioError, "is empty"),
        ("no.wav", "hello", {"sampling_rate": None}, FileNotFoundError, r"no\.wav"),
        (np.ones(3200), "hello", {"sampling_rate": None}, ValueError, "samples and no rate; give sampling_rate="),
        (b"RIFF", "hello", {}, ValueError, "sampling_rate is 16000, but files have their own rate"),
        (np.ones(3200), "hello", {"on_unknown": "ignore"}, ValueError, "on_unknown is 'ignore'"),
        (np.ones(3200), None, {}, TypeError, "text is a NoneType"),
    ],
)
def test_bad_input(
    audio: object, text: str, options: dict, error: type[Exception], message: str, tiny_aligner: Aligner
) -> None:
    with pytest.raises(error, match=message):
        tiny_aligner.align(audio, text, **({"sampling_rate": RATE_HZ} | options))


def test_characters_that_the_model_has_not(tiny_aligner: Aligner, tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.json"
    vocabulary.write_text(json.dumps({"<pad>": 0, "|": 1, "A": 2}))
    tiny_aligner.processor.tokenizer = type(tiny_aligner.processor.tokenizer)(str(vocabulary))
    with pytest.raises(ValueError, match="characters outside the alphabet: 'B'"):
        tiny_aligner.align(np.ones(RATE_HZ), "a b", sampling_rate=RATE_HZ)
