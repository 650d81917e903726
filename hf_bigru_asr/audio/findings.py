"""What is wrong with a recording, or odd: errors, warnings, and what becomes of damage."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = [
    "RE_ENCODE",
    "AudioError",
    "AudioWarning",
    "Findings",
    "OnDamage",
    "Warn",
    "check_on_damage",
    "damage_is_refused",
    "issue_warning",
    "without_lenience",
]

RE_ENCODE = 'record or download it again, or use what is left of it with on_damage="warn"'
_LENIENCE = re.compile(r', or [^,;]* with on_damage="warn"')

OnDamage = Literal["error", "warn"]
Warn = Callable[[str], None]


class AudioError(ValueError):
    """Audio that cannot be used; `source` names it, and `problem` says what came, what is allowed and what to do."""

    def __init__(self, source: str, problem: str) -> None:
        """Keep both parts as arguments, so that the error survives pickling between worker processes."""
        super().__init__(source, problem)
        self.source = source
        self.problem = problem

    def __str__(self) -> str:
        """Return `source: problem`."""
        return f"{self.source}: {self.problem}"


class AudioWarning(UserWarning):
    """A recording that was read, but not as its file says, or not all of it."""


def without_lenience(problem: str) -> str:
    """A message without the advice to use what is left of a recording.

    Example:
        >>> without_lenience(f"is cut; {RE_ENCODE}")
        'is cut; record or download it again'
    """
    return _LENIENCE.sub("", problem)


@contextmanager
def damage_is_refused() -> Iterator[None]:
    """Where damaged recordings are refused in any case: no error advises `on_damage`, which cannot be given there."""
    try:
        yield
    except AudioError as error:
        error.problem = without_lenience(error.problem)
        error.args = (error.source, error.problem)
        raise


def issue_warning(message: str) -> None:
    """Issue an [`AudioWarning`]."""
    warnings.warn(message, AudioWarning, stacklevel=2)


def check_on_damage(on_damage: str) -> None:
    """Refuse another value than those of `OnDamage`.

    Raises:
        ValueError: It is another.
    """
    if on_damage not in get_args(OnDamage):
        raise ValueError(f"on_damage is {on_damage!r}; it must be 'error' or 'warn'")


@dataclass
class Findings:
    """Collects what is found in one recording while it is decoded.

    Args:
        name: Name of the recording for messages.
        on_damage: Refuse a damaged recording, `"error"`, or use what is left of it, `"warn"`.
        warn: Gets warnings.
        damages: What was found damaged, in order.
    """

    name: str
    on_damage: OnDamage = "error"
    warn: Warn = issue_warning
    damages: list[str] = field(default_factory=list)

    @property
    def is_lenient(self) -> bool:
        """Whether what is left of a damaged recording is used."""
        return self.on_damage == "warn"

    def damage(self, problem: str, remedy: str = RE_ENCODE) -> None:
        """Take note of damage.

        Args:
            problem: Completes a sentence about the recording.
            remedy: What to do about it.

        Raises:
            AudioError: Damaged recordings are refused.
        """
        if not self.is_lenient:
            raise AudioError(self.name, f"{problem}; {remedy}")
        if problem not in self.damages:
            self.damages.append(problem)

    def note(self, text: str) -> None:
        """Warn of something odd that loses no audio."""
        self.warn(f"{self.name}: {text}")

    def report(self, num_seconds: float) -> None:
        """Warn of all damage, and say how much was decoded."""
        if self.damages:
            self.note(f"{' and '.join(self.damages[:3])}; {num_seconds:.2f} s of it could be read and are used")
