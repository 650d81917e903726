"""The vocabulary of data, and the output layer that fits it."""

from pathlib import Path

import pytest
import torch

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUCTCTokenizer, BiGRUForCTC
from hf_bigru_asr.text.languages import Normalizer
from hf_bigru_asr.training.vocabulary import fit_output, tokenizer_for_texts

TEXTS = ["Ärger über süße Öfen", "12 Cafés", "am 3. Mai", None]


def test_the_characters_of_texts_and_the_letters_of_the_language_are_classes(tmp_path: Path) -> None:
    tokenizer = tokenizer_for_texts(TEXTS, "de", BiGRUCTCTokenizer(pause_frames=7))
    assert tokenizer.convert_ids_to_tokens(range(3, len(tokenizer))) == [*"ABCDEFGHIJKLMNOPQRSTUVWXYZÄÉÖÜẞ"]
    tokenizer.save_pretrained(tmp_path)

    loaded = BiGRUCTCTokenizer.from_pretrained(tmp_path)
    assert (loaded.language, loaded.pause_frames, loaded.get_vocab()) == ("de", 7, tokenizer.get_vocab())
    text = Normalizer.of(loaded)("Süße Äpfel \u2013 12!")
    assert loaded.decode(loaded(text.lower()).input_ids, group_tokens=False) == text == "SÜẞE ÄPFEL ZWÖLF"


def test_a_vocabulary_grows_with_data_of_its_language() -> None:
    small = BiGRUCTCTokenizer.from_characters("abc", language="none", do_upper_case=False)
    grown = tokenizer_for_texts(["a 1!", "Ba"], "none", small)
    assert grown.convert_ids_to_tokens(range(len(grown))) == ["<pad>", "|", *"!1Babc"]
    with pytest.raises(ValueError, match="No text can be written by the rules of 'de'"):
        tokenizer_for_texts(["☃"], "de")


def test_classes_that_stay_keep_their_weights(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    before, after = processor.tokenizer, tokenizer_for_texts(["Жук", *TEXTS], "de")
    features, old = torch.randn(1, 9, 128), tiny_model.lm_head
    with torch.no_grad():
        hidden = tiny_model.bigru(features).last_hidden_state
    sources = fit_output(tiny_model, before, after)

    assert (tiny_model.config.vocab_size, tiny_model.config.pad_token_id) == (len(after), 0)
    assert sources.kept == tuple("'ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert sources.derived == {"Ä": "A", "É": "E", "Ö": "O", "Ü": "U", "ẞ": "S"}
    assert (sources.new, sources.dropped) == (tuple("ЖКУ"), ())
    new = tiny_model.lm_head
    for symbol, index in after.get_vocab().items():
        if symbol not in sources.new:
            old_index = before.get_vocab()[sources.derived.get(symbol, symbol)]
            assert torch.equal(new.weight[index], old.weight[old_index])
            assert torch.equal(new.bias[index], old.bias[old_index])
    torch.testing.assert_close(new.weight[after.get_vocab()["Ж"]], old.weight[1:].mean(0))
    expected = torch.log_softmax(new(hidden), -1)
    torch.testing.assert_close(tiny_model(features).logits, expected)


def test_classes_are_dropped_and_named(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    sources = fit_output(tiny_model, processor.tokenizer, BiGRUCTCTokenizer.from_characters("BЖ"))
    assert tiny_model.lm_head.weight.shape == (4, 16)
    assert str(sources) == "kept: B; new: Ж; dropped: 'ACDEFGHIJKLMNOPQRSTUVWXYZ"
    with pytest.raises(ValueError, match="The tokenizer has 29 symbols and the model 4 classes"):
        fit_output(tiny_model, processor.tokenizer, processor.tokenizer)


def test_added_tokens_are_trained_and_recognised(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor) -> None:
    """`add_tokens` from text to text: rules, labels, loss, decoding."""
    processor.tokenizer.add_tokens(["Ä", "1"])
    tiny_model.resize_token_embeddings(len(processor.tokenizer))
    text = Normalizer.of(processor.tokenizer)("Ägypten, 1 + 2")
    assert text == "ÄGYPTEN 1 PLUS TWO"
    labels = processor.tokenizer(text, return_tensors="pt").input_ids
    loss = tiny_model(torch.randn(1, 60, 128), labels=labels).loss
    loss.backward()
    assert tiny_model.lm_head.weight.grad[29:].abs().sum() > 0
    assert processor.tokenizer.decode(labels[0], group_tokens=False) == text
