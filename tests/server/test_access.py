"""Who may ask."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from starlette.datastructures import Headers

from hf_bigru_asr.server.access import AccessRules, is_loopback, read_key
from hf_bigru_asr.server.refusals import RefusedError

KEY = "k" * 32
LOCAL = {"host": "127.0.0.1:8000"}
REMOTE = {"host": "speech.example.org"}


def status_of(rules: AccessRules, headers: dict[str, str], path: str = "/v1/models") -> int:
    try:
        rules.check(path, Headers(headers))
    except RefusedError as error:
        return error.status_code
    return 200


@pytest.mark.parametrize(
    ("rules", "headers", "status"),
    [
        (AccessRules(), LOCAL, 200),
        (AccessRules(), {"host": "localhost"}, 200),
        (AccessRules(), {"host": "[::1]:8000"}, 200),
        (AccessRules(), REMOTE, 403),  # a name that was made to point here
        (AccessRules(), {"host": "127.0.0.1.example.org"}, 403),
        (AccessRules(), {"host": "[::1"}, 403),
        (AccessRules(), {}, 403),
        (AccessRules(needs_local_host=False), REMOTE, 200),
        (AccessRules(), LOCAL | {"origin": "https://example.org"}, 403),
        (AccessRules(), LOCAL | {"origin": "null"}, 403),
        (AccessRules(), LOCAL | {"origin": "http://127.0.0.1:8000"}, 200),
        (AccessRules(origins=("https://example.org",)), LOCAL | {"origin": "https://example.org"}, 200),
        (AccessRules(origins=("*",)), LOCAL | {"origin": "https://example.org"}, 200),
        (AccessRules(KEY), REMOTE, 401),
        (AccessRules(KEY), REMOTE | {"authorization": f"Bearer {KEY}"}, 200),
        (AccessRules(KEY), REMOTE | {"authorization": f"bearer {KEY}"}, 200),
        (AccessRules(KEY), REMOTE | {"authorization": f"Bearer {KEY[:-1]}"}, 401),
        (AccessRules(KEY), REMOTE | {"authorization": f"Basic {KEY}"}, 401),
        (AccessRules(KEY), REMOTE | {"authorization": "Bearer é"}, 401),
    ],
)
def test_who_may_ask(rules: AccessRules, headers: dict[str, str], status: int) -> None:
    assert status_of(rules, headers) == status


def test_a_supervisor_asks_for_health_without_a_key() -> None:
    assert status_of(AccessRules(KEY), REMOTE, "/health") == 200


def test_a_key_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    assert read_key(path, {}) == KEY
    assert read_key(None, {"HF_BIGRU_ASR_API_KEY": KEY}) == KEY
    assert read_key(None, {}) is None
    for wrong in ("short", "with a space " * 3, "é" * 20, ""):
        path.write_text(wrong)
        with pytest.raises(ValueError, match="16 or more, of ASCII"):
            read_key(path, {})
    with pytest.raises(FileNotFoundError):
        read_key(tmp_path / "none", {})
    assert KEY not in repr(AccessRules(KEY))


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False), ("::", False),
     ("192.168.0.2", False), ("example.org", False)],
)  # fmt: skip
def test_which_addresses_are_this_machine_alone(host: str, is_local: bool) -> None:
    assert is_loopback(host) == is_local
