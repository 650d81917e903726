"""Character tokenizer for CTC: the letters A to Z, the space, the apostrophe and the blank."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import BatchEncoding, PreTrainedTokenizer
from transformers.utils import ModelOutput, to_py_obj

from .checked_files_bigru_ctc import TOKENIZER_RULES, check_symbols, read_vocabulary
from .checked_loading_bigru_ctc import CheckedFilesMixin
from .ctc_output_bigru_ctc import kept_characters, spoken_part, unknown_characters, upper_case, word_boundary
from .field_rules_bigru_ctc import check_fields

TokenIds = Sequence[Any] | np.ndarray | torch.Tensor

VOCAB_FILES_NAMES = {"vocab_file": "vocab.json"}
MAX_GAP_FRAMES = 24
"""Frames between two letters of a word that are a pause before it: half a second at the bundled model's 21 ms."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def default_vocabulary(pad_token: str = "<pad>", word_delimiter_token: str = "|") -> dict[str, int]:
    """The 29 symbols: blank 0, word delimiter 1, apostrophe 2, A to Z 3 to 28."""
    return {symbol: index for index, symbol in enumerate([pad_token, word_delimiter_token, "'", *ALPHABET])}


@dataclass
class BiGRUCTCTokenizerOutput(ModelOutput):
    """Decoded text with the frames of its characters or words.

    Args:
        text: The text, or a list of texts for a batch.
        char_offsets: For every character a dictionary `{"char", "start_offset", "end_offset"}`, in logit frames, the
            end exclusive; a list of such lists for a batch. `None` if not asked for.
        word_offsets: The same for every word, `{"word", "start_offset", "end_offset"}`.
    """

    text: str | list[str] | None = None
    char_offsets: list[Any] | None = None
    word_offsets: list[Any] | None = None


class BiGRUCTCTokenizer(CheckedFilesMixin, PreTrainedTokenizer):
    """Maps text to character ids, and frame-wise CTC ids to text.

    More symbols come from `add_tokens`; `model.resize_token_embeddings(len(tokenizer))` gives the network a class for
    each. Words that were split before (`is_split_into_words=True`) are encoded with a space before each. Threads can
    share it, but for what changes it, such as `add_tokens`.

    Args:
        vocab_file: JSON file that maps every symbol to its id; the 29 symbols of [`default_vocabulary`] if `None`.
        pad_token: The padding token, which is the CTC blank.
        word_delimiter_token: The symbol that stands for a space in the vocabulary.
        do_upper_case: Whether lower-case letters are encoded as upper-case ones; an error otherwise.
        pause_frames: Frames without a letter between two letters that make a word boundary when frame-wise ids are
            decoded. `None`: no number of them does.
        language: Name of the rules of `hf_bigru_asr.text.languages` that make transcripts of texts, for training,
            evaluation and alignment. This class applies none.
        kwargs: As in the library.

    Raises:
        ValueError: If the vocabulary lacks `pad_token` or `word_delimiter_token`, or `pause_frames` is below 1.

    Example:
        >>> from hf_bigru_asr import BiGRUCTCTokenizer
        >>> tokenizer = BiGRUCTCTokenizer()
        >>> tokenizer("HELLO").input_ids
        [10, 7, 14, 14, 17]
        >>> tokenizer.decode([10, 10, 7, 14, 0, 14, 17, 17])
        'HELLO'
        >>> tokenizer.decode([10, 7, 14, 14, 17], group_tokens=False)
        'HELLO'
    """

    vocab_files_names = VOCAB_FILES_NAMES
    model_input_names = ["input_ids", "attention_mask"]  # noqa: RUF012 - the library's own declaration

    def __init__(
        self,
        vocab_file: str | None = None,
        pad_token: str = "<pad>",
        word_delimiter_token: str = "|",
        do_upper_case: bool = True,
        pause_frames: int | None = None,
        language: str = "en",
        **kwargs: Any,
    ) -> None:
        # Loaded from a folder, it is among the special tokens that the library has no name for.
        named_tokens = kwargs.get("model_specific_special_tokens") or {}
        word_delimiter_token = str(named_tokens.get("word_delimiter_token", word_delimiter_token))
        if vocab_file is None:
            self.encoder = default_vocabulary(str(pad_token), word_delimiter_token)
        else:
            self.encoder = read_vocabulary(Path(vocab_file))
        settings = {
            "pad_token": str(pad_token),
            "word_delimiter_token": word_delimiter_token,
            "do_upper_case": do_upper_case,
            "pause_frames": pause_frames,
            "language": language,
        }
        check_fields(settings, TOKENIZER_RULES)
        check_symbols(self.encoder, settings)
        self.decoder = {index: symbol for symbol, index in self.encoder.items()}
        self.word_delimiter_token = word_delimiter_token
        self.replace_word_delimiter_char = " "
        self.do_upper_case = do_upper_case
        self.pause_frames = pause_frames
        self.language = language
        # The shipped files, and those of earlier releases, name none.
        if language != "en":
            kwargs["language"] = language
        # The text "<pad>" is six characters like any others, not a blank.
        kwargs.setdefault("split_special_tokens", True)
        for name in ("bos_token", "eos_token", "unk_token"):
            kwargs.setdefault(name, None)
        super().__init__(
            pad_token=pad_token,
            word_delimiter_token=word_delimiter_token,
            do_upper_case=do_upper_case,
            pause_frames=pause_frames,
            special_tokens_pattern="none",
            **kwargs,
        )

    @classmethod
    def from_characters(cls, characters: Iterable[str], **settings: Any) -> "BiGRUCTCTokenizer":
        """Tokenizer with a class for the blank, the word delimiter and each of these characters, in their order.

        Args:
            characters: Single characters other than the space; repeated ones count once.
            settings: Those of the class, `language` and `do_upper_case` for example, but for `vocab_file`.

        Raises:
            ValueError: If something is no single character that can be seen, or one that is never encoded.

        Example:
            >>> BiGRUCTCTokenizer.from_characters("'ABCÄ", language="de")("abcä").input_ids
            [3, 4, 5, 6]
        """
        symbols = [str(settings.get("pad_token", "<pad>")), str(settings.get("word_delimiter_token", "|"))]
        for char in dict.fromkeys(characters):
            if len(char) != 1 or not char.isprintable() or char.isspace() or char in symbols:
                raise ValueError(f"characters have {char!r}; give single ones that can be seen, other than {symbols}.")
            if settings.get("do_upper_case", True) and upper_case(char, char) != char:
                raise ValueError(f"characters have {char!r}, and do_upper_case encodes its capital; pass False.")
            symbols.append(char)
        with TemporaryDirectory() as folder:
            path = Path(folder) / VOCAB_FILES_NAMES["vocab_file"]
            path.write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}), encoding="utf-8")
            return cls(str(path), **settings)

    def set_language(self, language: str) -> None:
        """Name other rules, which are saved with it; the vocabulary stays."""
        check_fields({"language": language}, TOKENIZER_RULES)
        self.language = self.init_kwargs["language"] = language

    @property
    def vocab_size(self) -> int:
        """Number of symbols, added tokens not counted."""
        return len(self.encoder)

    def get_vocab(self) -> dict[str, int]:
        """Every symbol and added token with its id."""
        return dict(self.encoder) | self.added_tokens_encoder

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        named = (self.word_delimiter_token, self.pad_token)
        # The library would leave added tokens out with the special ones, whose text is characters like any others.
        added = sorted((token for token in self._added_tokens_encoder if token not in named), key=len, reverse=True)
        if not added:
            return self._characters(text)
        pieces = re.split(f"({'|'.join(map(re.escape, added))})", text)
        others = [self._characters(piece) for piece in pieces[::2]]
        return others[0] + [
            token for pair in zip(pieces[1::2], others[1:], strict=True) for token in (pair[0], *pair[1])
        ]

    def _characters(self, text: str) -> list[str]:
        symbols = upper_case(text, self.get_vocab()) if self.do_upper_case else text
        if unknown := {char for char in symbols if char != " " and not self._is_character(char)}:
            raise ValueError(unknown_characters(text, unknown, self._alphabet()))
        return [self.word_delimiter_token if char == " " else char for char in symbols]

    def _is_character(self, char: str) -> bool:
        is_known = char in self.encoder or char in self._added_tokens_encoder
        return is_known and char not in (self.word_delimiter_token, self.pad_token)

    def _alphabet(self) -> str:
        return "".join([" ", *(symbol for symbol in self.get_vocab() if self._is_character(symbol))])

    def _encode_plus(  # type: ignore[override] # the library's spells its options out
        self,
        text: Any,  # noqa: ANN401 - all that the library takes
        text_pair: Any = None,  # noqa: ANN401 - the same
        **kwargs: Any,
    ) -> BatchEncoding:
        if kwargs.pop("is_split_into_words", False):
            text, text_pair = _joined_words(text), _joined_words(text_pair)
        return super()._encode_plus(text, text_pair, **kwargs)

    def _convert_token_to_id(self, token: str) -> int:
        try:
            return self.encoder[token]
        except KeyError:
            raise ValueError(f"The token {token!r} is not in the vocabulary: {' '.join(self.encoder)}.") from None

    def _convert_id_to_token(self, index: int) -> str:
        try:
            return self.decoder[index]
        except KeyError:
            raise ValueError(
                f"The id {index} is not in the vocabulary of {len(self)} symbols; ids of labels that are padded "
                f"with -100 have to be replaced by {self.pad_token_id} before decoding."
            ) from None

    def convert_tokens_to_string(self, tokens: list[str], group_tokens: bool = True) -> str:
        """Text of CTC tokens: with `group_tokens` repeats are collapsed first; then blanks are removed."""
        return "".join(offset["char"] for offset in self._char_offsets(tokens, group_tokens))

    def _char_offsets(self, tokens: list[str], group_tokens: bool) -> list[dict[str, Any]]:
        """Characters with their frames `[start_offset, end_offset)`, in order, blanks left out.

        With `group_tokens`, a pause between two letters is a word delimiter in its middle, and characters that are no
        text are left out too.
        """
        offsets: list[dict[str, Any]] = []
        end = 0
        delimiter = self.replace_word_delimiter_char
        for token, run in groupby(tokens) if group_tokens else ((token, (token,)) for token in tokens):
            start, end = end, end + sum(1 for _ in run)
            if token != self.pad_token:
                char = delimiter if token == self.word_delimiter_token else token
                if group_tokens and offsets and delimiter not in (char, offsets[-1]["char"]):
                    middle = word_boundary(self.pause_frames, offsets[-1]["end_offset"], start)
                    if middle is not None:
                        offsets.append({"char": delimiter, "start_offset": middle, "end_offset": middle + 1})
                offsets.append({"char": char, "start_offset": start, "end_offset": end})
        if not group_tokens:
            return offsets
        kept = kept_characters([" " if offset["char"] == delimiter else offset["char"] for offset in offsets])
        return [offsets[place] for place in kept]

    @staticmethod
    def _get_word_offsets(offsets: list[dict[str, Any]], word_delimiter_char: str = " ") -> list[dict[str, Any]]:
        """Words with their frames, from the offsets of their characters. The library's pipeline calls this method."""
        words = []
        for is_delimiter, group in groupby(offsets, key=lambda offset: offset["char"] == word_delimiter_char):
            if is_delimiter:
                continue
            chars = list(group)
            start, end = spoken_part([(each["start_offset"], each["end_offset"]) for each in chars], MAX_GAP_FRAMES)
            words.append({"word": "".join(each["char"] for each in chars), "start_offset": start, "end_offset": end})
        return words

    def decode(  # type: ignore[override] # with offsets the result is more than text
        self,
        token_ids: TokenIds,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        group_tokens: bool = True,
        output_char_offsets: bool = False,
        output_word_offsets: bool = False,
        **kwargs: Any,
    ) -> str | list[str] | BiGRUCTCTokenizerOutput:
        """Text of ids: frame-wise ids by default, labels with `group_tokens=False`.

        Repeats are collapsed first and blanks removed after that, so "LL" is written `L blank L`. Of frame-wise ids,
        spaces that separate nothing and apostrophes without letters are left out; of labels every character is kept.

        Args:
            token_ids: `(frames,)` ids as a list, an array or a tensor; `(batch, frames)` gives a list of texts.
            skip_special_tokens: Without effect: the only special token is the blank, which is always removed.
            clean_up_tokenization_spaces: Without effect.
            group_tokens: Whether to collapse repeats. `False` for labels, where "LL" are two letters.
            output_char_offsets: Whether to return the characters' frames too.
            output_word_offsets: Whether to return the words' frames too.
            kwargs: Ignored, as in the library.

        Returns:
            The text, or a [`BiGRUCTCTokenizerOutput`] if offsets are asked for.

        Raises:
            ValueError: If an id is not in the vocabulary, -100 for example, or not a whole number, as logits are not.
        """
        ids = to_py_obj(token_ids)
        ids = [ids] if isinstance(ids, int) else list(ids)
        if ids and isinstance(ids[0], float):
            raise ValueError("token_ids are fractions, as logits are; give whole numbers: logits.argmax(-1).")
        if ids and isinstance(ids[0], list | tuple):
            return self.batch_decode(
                ids,
                group_tokens=group_tokens,
                output_char_offsets=output_char_offsets,
                output_word_offsets=output_word_offsets,
            )
        char_offsets = self._char_offsets(self.convert_ids_to_tokens(ids), group_tokens)
        text = "".join(offset["char"] for offset in char_offsets)
        if not (output_char_offsets or output_word_offsets):
            return text
        return BiGRUCTCTokenizerOutput(
            text=text,
            char_offsets=char_offsets if output_char_offsets else None,
            word_offsets=(
                self._get_word_offsets(char_offsets, self.replace_word_delimiter_char) if output_word_offsets else None
            ),
        )

    def batch_decode(  # type: ignore[override] # the same
        self,
        sequences: TokenIds,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str] | BiGRUCTCTokenizerOutput:
        """Texts of `(batch, frames)` ids; arguments and errors are those of `decode`.

        Raises:
            ValueError: If `sequences` are logits, or of another shape.
        """
        if (ndim := getattr(sequences, "ndim", 2)) != 2:
            raise ValueError(
                f"sequences have {ndim} dimensions; give ids of shape (batch, frames): of logits, logits.argmax(-1)."
            )
        decoded: list[Any] = [self.decode(sequence, **kwargs) for sequence in sequences]
        if not (kwargs.get("output_char_offsets") or kwargs.get("output_word_offsets")):
            return decoded
        names = [name for name in ("text", "char_offsets", "word_offsets") if any(name in item for item in decoded)]
        return BiGRUCTCTokenizerOutput(**{name: [item[name] for item in decoded] for name in names})

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write the vocabulary as JSON, with what `add_tokens` added, into a folder; return its path in a tuple.

        Raises:
            NotADirectoryError: If `save_directory` is no folder.
        """
        folder = Path(save_directory)
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder; create it before saving the vocabulary into it.")
        path = folder / f"{filename_prefix + '-' if filename_prefix else ''}{VOCAB_FILES_NAMES['vocab_file']}"
        added = {token.content: index for index, token in self.added_tokens_decoder.items() if not token.special}
        vocabulary = self.encoder | added
        path.write_text(json.dumps(vocabulary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return (str(path),)


def _joined_words(words: Any) -> Any:  # noqa: ANN401 - words of one text, of a pair, of a batch of either, or nothing
    """Text of words, each after a space, as the library has it for words that were split before."""
    if isinstance(words, list | tuple) and words:
        return (
            "".join(f" {word}" for word in words)
            if isinstance(words[0], str)
            else type(words)(map(_joined_words, words))
        )
    return words


BiGRUCTCTokenizer.register_for_auto_class()

__all__ = ["BiGRUCTCTokenizer", "BiGRUCTCTokenizerOutput"]
