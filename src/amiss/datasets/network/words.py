"""Words that nobody owns: for names of servers, paths, and names that machines draw."""

from __future__ import annotations

import numpy as np

__all__ = ["COMMON", "hex_of", "label_of", "path_of", "word_of"]

_FIRST = [
    "b",
    "br",
    "c",
    "ch",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "qu",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
]
_VOWEL = ["a", "e", "i", "o", "u", "ai", "ea", "oo", "ie", "ou"]
_LAST = ["b", "ck", "d", "g", "l", "ll", "m", "n", "nd", "ng", "nt", "p", "r", "rd", "s", "st", "t", "x", "th"]
COMMON = [
    "river",
    "stone",
    "cloud",
    "north",
    "market",
    "paper",
    "garden",
    "silver",
    "window",
    "bright",
    "forest",
    "signal",
    "harbour",
    "table",
    "orange",
    "winter",
    "summer",
    "bridge",
    "letter",
    "number",
    "station",
    "travel",
    "music",
    "yellow",
    "planet",
    "engine",
    "mirror",
    "copper",
    "basket",
    "candle",
]
"""Words of which names are made, by people and by machines alike."""
_PARTS = [
    "static",
    "img",
    "api",
    "cdn",
    "assets",
    "media",
    "js",
    "css",
    "login",
    "accounts",
    "news",
    "shop",
    "app",
    "data",
    "edge",
    "video",
    "fonts",
    "log",
    "metrics",
    "auth",
    "files",
]


def word_of(random: np.random.Generator) -> str:
    """A word that can be spoken."""
    if random.random() < 0.35:
        return str(COMMON[int(random.integers(len(COMMON)))])
    syllables = [
        _FIRST[int(random.integers(len(_FIRST)))] + _VOWEL[int(random.integers(len(_VOWEL)))]
        for _ in range(int(random.integers(1, 4)))
    ]
    return "".join(syllables) + _LAST[int(random.integers(len(_LAST)))]


def label_of(random: np.random.Generator) -> str:
    """A first part of a server's name."""
    part = _PARTS[int(random.integers(len(_PARTS)))]
    return part if random.random() < 0.6 else f"{part}{random.integers(1, 30)}"


def hex_of(random: np.random.Generator, n: int, length: int) -> list[str]:
    """Words of hexadecimal digits."""
    digits = random.integers(0, 16, (n, length))
    return ["".join(row) for row in np.array(list("0123456789abcdef"))[digits]]


def path_of(random: np.random.Generator) -> str:
    """A path of a page, now and then with a query."""
    path = "/" + "/".join(word_of(random) for _ in range(int(random.integers(1, 4))))
    chance = random.random()
    if chance < 0.25:
        return f"{path}?id={random.integers(1, 99_999)}&page={random.integers(1, 20)}"
    if chance < 0.4:
        return f"{path}.{('css', 'js', 'png', 'html')[int(random.integers(4))]}?v={random.integers(1, 999)}"
    return path
