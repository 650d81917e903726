"""A language model of a few words, written by hand in KenLM's text format, and a network that is sure of them."""

from pathlib import Path

import torch

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.language_model.building import lexicon_entries

WORDS = {"A": -1.0, "I": -1.2, "IT": -1.5, "NO": -1.4, "YOU": -1.6}


def write_language_model(folder: Path) -> Path:
    """Unigrams of a few words, and all units, in KenLM's text format."""
    folder.mkdir(parents=True, exist_ok=True)
    lexicon = list(lexicon_entries(WORDS))
    unigrams = {"<s>": -99.0, "</s>": -1.0, "<unk>": -5.0, **WORDS}
    units = [line.split()[0] for line in lexicon if line.split()[0] not in WORDS]
    # All different: which of two readings with one score comes first is left to chance by the decoder.
    unigrams |= {unit: -2.0 - 0.013 * number for number, unit in enumerate(units)}
    lines = ["\\data\\", f"ngram 1={len(unigrams)}", "ngram 2=1", "", "\\1-grams:"]
    lines += [f"{log10}\t{word}\t0" for word, log10 in unigrams.items()]
    lines += ["", "\\2-grams:", "-0.1\tIT NO", "", "\\end\\", ""]
    (folder / "lm.binary").write_text("\n".join(lines))
    (folder / "lexicon.txt").write_text("".join(f"{line}\n" for line in lexicon))
    (folder / "decoding.json").write_text('{"lm_weight": 0.5, "beam_size": 200}')
    return folder


def spelled(text: str, tokenizer: BiGRUCTCTokenizer, pause: int = 6, letter_frames: int = 2) -> torch.Tensor:
    """Log-probabilities `(frames, classes)` of a network that is rather sure, with pauses around spaces."""
    ids: list[int] = [0]
    for char in text:
        symbol = tokenizer.encoder["|" if char == " " else char]
        ids += [0] * pause + [symbol] + [0] * pause if char == " " else [symbol] * letter_frames + [0]
    scores = torch.full((len(ids), len(tokenizer)), 0.0)
    scores[torch.arange(len(ids)), torch.tensor(ids)] = 9.0
    return scores.log_softmax(-1)
