"""Shared fixtures: tiny models with fixed seeds, a processor, the LibriSpeech folder, child processes."""

import gc
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Read by the libraries when they are imported. A test that talks to a Hub takes it back for its own children.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The networks of the tests are too small to share between cores, and tests run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from fork_server import ForkServer
from repository import REPOSITORY, SCRIPTS

# Torch and transformers are imported where they are used: the process that hands out the tests needs neither.
if TYPE_CHECKING:
    from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC

# `recipe` and `benchmarks` lie beside the scripts. At the end, so that no script hides a package of its name.
sys.path.append(str(SCRIPTS))


def pytest_collection_finish() -> None:
    """Keep what the imports made out of garbage collection: every `Trainer.train` would look through all of it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    yield from _skipped_without_decoder(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    yield from _skipped_without_decoder(item)


def _skipped_without_decoder(item: pytest.Item) -> Generator[None]:
    """Skip what needs the beam search where KenLM is not installed: it has no wheels for Python 3.14."""
    try:
        yield
    except ImportError as error:
        if "needs KenLM" not in str(error) or importlib.util.find_spec("kenlm") is not None:
            raise
        pytest.skip(f"{item.name}: {error}")


@pytest.fixture(scope="session")
def listener_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network that understands the tones of `speak`; only to be read."""
    from tone_speech import save_listener

    folder = tmp_path_factory.mktemp("listener")
    save_listener(folder)
    return folder


@pytest.fixture(autouse=True)
def seed() -> None:
    import torch

    torch.manual_seed(0)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Torch with two threads, whatever the machine has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny_config() -> "BiGRUCTCConfig":
    from hf_bigru_asr import BiGRUCTCConfig

    return BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2)


@pytest.fixture
def tiny_model(tiny_config: "BiGRUCTCConfig") -> "BiGRUForCTC":
    """A model in evaluation mode whose best classes change from frame to frame, so that it spells something."""
    import torch
    from runtime_support import randomise_biases

    from hf_bigru_asr import BiGRUForCTC

    torch.manual_seed(0)
    model = BiGRUForCTC(tiny_config).eval()
    model.lm_head.weight.data *= 30
    randomise_biases(model)
    return model


@pytest.fixture
def processor() -> "BiGRUCTCProcessor":
    from hf_bigru_asr import BiGRUCTCFeatureExtractor, BiGRUCTCProcessor, BiGRUCTCTokenizer

    return BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), BiGRUCTCTokenizer())


@pytest.fixture
def model_dir(tiny_model: "BiGRUForCTC", processor: "BiGRUCTCProcessor", tmp_path: Path) -> Path:
    """A folder with the tiny model and its processor, as `save_pretrained` leaves it."""
    folder = tmp_path / "model"
    tiny_model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def librispeech_dir() -> Path:
    """The folder with `librispeech_asr/`, `openslr_sample/` and `lm/`."""
    if "HF_BIGRU_ASR_DATA" not in os.environ:
        pytest.skip("needs LibriSpeech: the environment variable HF_BIGRU_ASR_DATA names its folder")
    return Path(os.environ["HF_BIGRU_ASR_DATA"])


@pytest.fixture
def run_in_child(tmp_path: Path) -> Callable[..., str]:
    """Runs Python code in a process of its own, with caches of its own, and gives what it printed."""

    def run(code: str, *arguments: str | Path, path: Path | None = REPOSITORY, timeout_s: float = 900) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"HF_HOME": str(tmp_path / "hf_home"), "OMP_NUM_THREADS": "1"}
        if path is not None:
            environment["PYTHONPATH"] = str(path)
        child = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert child.returncode == 0, child.stderr[-4000:]
        return child.stdout

    return run


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    with ForkServer() as server:
        yield server


@pytest.fixture
def run_in_fork(fork_server: ForkServer, tmp_path: Path) -> Callable[..., str]:
    """Like `run_in_child`, in an interpreter that has imported torch and nothing else."""

    def run(code: str, *arguments: str | Path, path: Path = REPOSITORY) -> str:
        return fork_server.run(code, *arguments, path=path, folder=tmp_path)

    return run


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Run the tests of a file in one process, so that what they share is made once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)
