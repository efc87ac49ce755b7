"""Options of channels: declared beside the channel, checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from amiss.core.errors import RecipeError
from amiss.core.params import Domain
from amiss.io.alarms.secret import read_secret

__all__ = ["HostName", "Option", "Texts", "checked"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a channel.

    Attributes
    ----------
    domain
        The values it may take.
    default
        Taken where it is not given; an option without default (...) must be given.
    secret
        "never"; "always": by environment or file only; "may": plain too, as an address that may hold a token.
    """

    domain: Domain
    default: Any = ...
    secret: Literal["never", "may", "always"] = "never"


@dataclass(frozen=True, slots=True)
class HostName:
    """The name or address of a machine."""

    def admits(self, value: Any) -> bool:
        """Whether `value` could be one."""
        return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable() and not set(value) & set(" /@")

    def __str__(self) -> str:
        return "a host's name or address"


@dataclass(frozen=True, slots=True)
class Texts:
    """One text or several, none of them empty."""

    def admits(self, value: Any) -> bool:
        """Whether `value` is text or a list of it."""
        words = [value] if isinstance(value, str) else value
        return isinstance(words, (list, tuple)) and bool(words) and all(isinstance(w, str) and w for w in words)

    def __str__(self) -> str:
        return "a text or a list of texts"


def checked(options: Mapping[str, Any], known: Mapping[str, Option], where: str) -> dict[str, Any]:
    """The options with defaults filled in and secrets read.

    Raises
    ------
    RecipeError
        One is not known (names the nearest), missing, or not what it may be; names its path, shows no secret.
    """
    import difflib

    for name in options:
        if name not in known:
            near = difflib.get_close_matches(str(name), list(known), n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RecipeError(f"no option {name!r}", where=f"{where}.{name}", mend=f"{hint}known: {', '.join(known)}")
    found: dict[str, Any] = {}
    for name, option in known.items():
        place = f"{where}.{name}"
        if options.get(name) is None:
            if option.default is ...:
                raise RecipeError(f"option {name!r} is missing", where=place, mend=f"give {option.domain}")
            found[name] = option.default
            continue
        value = options[name]
        if option.secret == "always" or (option.secret == "may" and not isinstance(value, str)):
            found[name] = read_secret(value, place)
            value = found[name].reveal()
        else:
            found[name] = value
        if not option.domain.admits(value):
            shown = "this" if option.secret != "never" else repr(value)[:60]
            raise RecipeError(f"{shown} cannot be {name!r}", where=place, mend=f"give {option.domain}")
    return found
