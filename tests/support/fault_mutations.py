"""What can go wrong with a file: bits, cuts, zeros, values, lines. Every change follows from a random generator."""

import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CUT = "cut"
ZEROED = "zeroed"
"""From a place on there are zeros, as after a power failure."""
MISSING = "missing"
NOT_FINITE = "not finite"
"""NaN or infinity where a number was."""
OTHER = "other"

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62, (1 << 63) - 1)
STRANGE_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1e-30, 1e30, 2**31, 2**63, -(2**63), 10**30),
    *("", " ", "x", "nan", "\x00", "\ud800", "Ä" * 50, "../..", "/dev/zero", [], {}, [[]], [0], [None], {"a": {}}),
)
NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"))
STRANGE_TEXTS = (
    *(
        "\x00",
        "\ufeff",
        "\u2028",
        "\r",
        "\x1a",
        "\x85",
        "nan",
        "inf",
        "-1",
        "1e999",
        "9" * 400,
        "(" * 3000,
        "[" * 3000,
    ),
    *(
        "<" * 500,
        "*" * 500,
        "|",
        "#",
        ";;",
        "{",
        "}",
        "\\",
        '"',
        "İ",
        "ß",
        "٣",
        "\U0001d7db",
        "½",
        "\u0301" * 200,
        "🎤",
        "%s",
        "$",
    ),
)


@dataclass(frozen=True)
class Change:
    """A changed file.

    Args:
        content: What is in it; `None` for no file.
        kind: `CUT`, `ZEROED`, `MISSING`, `NOT_FINITE` or `OTHER`.
        what: What was done, for people.
    """

    content: bytes | None
    kind: str
    what: str


def change_file(name: str, content: bytes, rng: random.Random) -> Change:
    """Change a file in one way that its kind suggests.

    Args:
        name: Its name, whose ending tells the kind.
        content: What is in it.
        rng: Where the change comes from.
    """
    if rng.random() < 0.25:
        return _less(content, rng)
    if rng.random() < 0.7:
        changed = _of_its_kind(name, content, rng)
        if changed is not None:
            return changed
    return _bytes(content, rng)


def _of_its_kind(name: str, content: bytes, rng: random.Random) -> Change | None:
    if name.endswith(".json"):
        return change_json(content, rng)
    if name.endswith(".safetensors"):
        return change_safetensors(content, rng)
    if name.endswith((".txt", ".text", ".trn", ".stm", ".ctm", ".jsgf", ".yaml", ".yml", ".jsonl", ".binary")):
        return change_text(content, rng)
    return None


def _less(content: bytes, rng: random.Random) -> Change:
    """What a full disk, a broken copy or a power failure leave."""
    size = len(content)
    place = rng.choice([0, size // 2, max(size - 1, 0), rng.randrange(size + 1), rng.randrange(size + 1)])
    way = rng.choice(["missing", "cut", "cut", "zeros", "zeros"])
    if way == "missing":
        return Change(None, MISSING, "missing")
    if way == "cut":
        return Change(content[:place], CUT, f"cut at {place} of {size}")
    return Change(content[:place] + bytes(size - place), ZEROED, f"zeros from {place} of {size}")


def _bytes(content: bytes, rng: random.Random) -> Change:
    """Damage that knows nothing of the format."""
    data = bytearray(content)
    if not data:
        return Change(b"\x00", OTHER, "a byte")
    # Headers are where the formats are.
    limit = len(data) if rng.random() < 0.5 else min(len(data), 128)
    place = rng.randrange(limit)
    length = min(rng.choice([1, 2, 4, 16, 200]), len(data) - place)
    ways: dict[str, Callable[[], bytes]] = {
        "bit": lambda: bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 : place + length],
        "random": lambda: rng.randbytes(length),
        "zeros": lambda: bytes(length),
        "ones": lambda: b"\xff" * length,
        "inserted": lambda: rng.randbytes(rng.choice([1, 7, 64])) + data[place : place + length],
        "deleted": lambda: b"",
        "doubled": lambda: bytes(data[place : place + length]) * 2,
        "number": lambda: struct.pack(rng.choice("<>") + "Q", rng.choice(EXTREMES))[: rng.choice([2, 4, 8])],
    }
    way = rng.choice(list(ways))
    new = ways[way]()
    end = place + (len(new) if way == "number" else length)
    return Change(bytes(data[:place]) + new + bytes(data[end:]), OTHER, f"{way} at {place}, {length} bytes")


def change_json(content: bytes, rng: random.Random) -> Change | None:
    """Another value, or none, somewhere in a JSON file."""
    values = json.loads(content)
    places = list(_places(values))
    if not places:
        return None
    holder, key, path = rng.choice(places)
    old = holder[key]
    if rng.random() < 0.15:
        if isinstance(holder, dict):
            del holder[key]
        else:
            holder.pop(key)
        return Change(json.dumps(values).encode(), OTHER, f"{path} removed")
    if rng.random() < 0.25:
        new: Any = rng.choice(NOT_NUMBERS)
        is_number = isinstance(old, int | float) and not isinstance(old, bool)
        holder[key] = new
        kind = NOT_FINITE if is_number else OTHER
        return Change(json.dumps(values).encode(), kind, f"{path} = {new}")
    holder[key] = rng.choice([*STRANGE_VALUES, _nearby(old, rng)])
    return Change(json.dumps(values).encode(), OTHER, f"{path} = {holder[key]!r:.60}")


def _nearby(value: Any, rng: random.Random) -> Any:  # noqa: ANN401 - a value of JSON
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return rng.choice([value + 1, value - 1, -value, value * 2, value * 1000, str(value), [value], float(value)])
    if isinstance(value, str):
        return rng.choice([value + "x", value[:-1], value.upper(), [value], value * 100])
    if isinstance(value, list):
        return rng.choice([value[:-1], value * 2, value[:1], dict(enumerate(map(str, value)))])
    return list(value)


def _places(values: Any, path: str = "") -> Any:  # noqa: ANN401 - values of JSON
    """Every holder, key and path."""
    keys = list(values) if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()
    for key in keys:
        yield values, key, f"{path}.{key}"
        yield from _places(values[key], f"{path}.{key}")


def change_safetensors(content: bytes, rng: random.Random) -> Change:
    """Another header, or numbers that are none."""
    size = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + size], bytearray(content[8 + size :])
    if rng.random() < 0.5:
        number = rng.choice([*NOT_NUMBERS])
        place = 4 * rng.randrange(len(data) // 4)
        data[place : place + 4] = struct.pack("<f", number)
        return Change(content[: 8 + size] + bytes(data), NOT_FINITE, f"{number} at {place}")
    if rng.random() < 0.2:
        values = json.loads(header)
        name = rng.choice([key for key in values if key != "__metadata__"])
        values[f"{name}x"] = values.pop(name)
        changed = Change(json.dumps(values).encode(), MISSING, f"{name} renamed")
    else:
        changed = change_json(header, rng) or Change(header, OTHER, "nothing")
    new = changed.content or b""
    return Change(len(new).to_bytes(8, "little") + new + bytes(data), changed.kind, f"header: {changed.what}")


def change_text(content: bytes, rng: random.Random) -> Change:
    """Lines and words that are lost, doubled or strange."""
    lines = content.decode("utf-8").splitlines(keepends=True)
    if not lines:
        return Change(rng.choice(STRANGE_TEXTS).encode("utf-8", "surrogatepass"), OTHER, "a strange text")
    place = rng.randrange(len(lines))
    way = rng.choice(["lost", "doubled", "moved", "word", "word", "word", "inside", "not UTF-8", "many"])
    line = lines[place]
    words = line.split(" ")
    if way == "lost":
        del lines[place]
    elif way == "doubled":
        lines.insert(rng.randrange(len(lines)), line)
    elif way == "moved":
        lines.insert(rng.randrange(len(lines)), lines.pop(place))
    elif way == "word":
        words[rng.randrange(len(words))] = rng.choice([*STRANGE_TEXTS, "", "word"])
        lines[place] = " ".join(words)
    elif way == "inside":
        at = rng.randrange(len(line) + 1)
        lines[place] = line[:at] + rng.choice(STRANGE_TEXTS) + line[at:]
    elif way == "many":
        lines[place] = line * rng.choice([20, 100])
    new = "".join(lines).encode("utf-8", "surrogatepass")
    if way == "not UTF-8":
        at = rng.randrange(len(new) + 1)
        new = new[:at] + rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x80"]) + new[at:]
    return Change(new, OTHER, f"line {place + 1}: {way}")
