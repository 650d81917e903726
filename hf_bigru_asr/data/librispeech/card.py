"""The card of a folder of prepared LibriSpeech: from its `configs:` `load_dataset` knows the splits."""

from pathlib import Path

from huggingface_hub import DatasetCard, DatasetCardData

from .index import SUBSETS

__all__ = ["dataset_card"]

_CARD_BODY = """
# LibriSpeech

Read English speech, 16 kHz mono, prepared from OpenSLR's [SLR12](https://www.openslr.org/12) by `hf_bigru_asr` in the
schema of `openslr/librispeech_asr`; the audio files are the original ones. Each split's `-report.json` says how much
was written and what was rejected.

V. Panayotov, G. Chen, D. Povey, S. Khudanpur: Librispeech, an ASR corpus based on public domain audio books.
ICASSP 2015. CC BY 4.0.
"""


def dataset_card(output_dir: Path) -> DatasetCard | None:
    """The card of a folder, with the `configs:` that `load_dataset` reads, for every split in it.

    Other text of a card that is there is kept.

    Args:
        output_dir: Folder of Parquet shards, `<config>/<split>-00000-of-00001.parquet`.

    Returns:
        The card, not written yet; `None` if the folder has no split.
    """
    found = {tuple(path.parts[-2:]) for path in output_dir.glob("*/*-00000-of-*.parquet")}
    targets = {(config, name.rpartition("-00000-of-")[0]) for config, name in found}
    known = {target: number for number, target in enumerate(SUBSETS.values())}
    configs: dict[str, list[dict[str, str]]] = {}
    for config, split in sorted(targets, key=lambda target: (known.get(target, len(known)), target)):
        configs.setdefault(config, []).append({"split": split, "path": f"{config}/{split}-*.parquet"})
    if not configs:
        return None
    path = output_dir / "README.md"
    if path.exists():
        card = DatasetCard.load(path)
    else:
        data = DatasetCardData(license="cc-by-4.0", language="en", task_categories=["automatic-speech-recognition"])
        card = DatasetCard(f"---\n{data.to_yaml()}\n---\n{_CARD_BODY}")
    card.data.configs = [{"config_name": config, "data_files": files} for config, files in configs.items()]
    return card
