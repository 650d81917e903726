"""A prepared data set on a Hub on 127.0.0.1."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi
from loopback_hub import LoopbackHub
from manifest_corpora import kaldi_segments

from hf_bigru_asr.cli.main import main
from hf_bigru_asr.hub.data_sets import push_data_set
from hf_bigru_asr.hub.release import HubError

pytestmark = pytest.mark.hub


def test_what_is_prepared_is_pushed(client: LoopbackHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = kaldi_segments(tmp_path / "data")
    assert main(["prepare", str(source), "--output-dir", str(tmp_path / "out"), "--push-to-hub", "alice/talks"]) == 0
    assert "Pushed: " in capsys.readouterr().out
    files = HfApi().list_repo_files("alice/talks", repo_type="dataset")
    assert set(files) - {".gitattributes"} == {
        "README.md",
        "default/test-00000-of-00001.parquet",
        "default/test-report.json",
    }
    assert HfApi().dataset_info("alice/talks").private


def test_a_foreign_namespace_is_refused(client: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(HubError, match="may not write to bob/talks"):
        push_data_set(tmp_path, "bob/talks")
