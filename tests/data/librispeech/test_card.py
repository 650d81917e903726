"""The card of a folder of prepared splits."""

from pathlib import Path

from openslr_corpus import corpus, prepare, write_tree


def test_card_keeps_what_its_owner_wrote(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", corpus())
    (tmp_path / "out").mkdir()
    (tmp_path / "out/README.md").write_text("---\nlicense: cc-by-4.0\npretty_name: Mine\n---\nMy own words.\n")
    prepare(tree, tmp_path / "out", config="clean", split="test")
    prepare(tree, tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    assert "pretty_name: Mine" in card
    assert card.endswith("My own words.\n")
    assert card.index("split: train.100") < card.index("split: test")
