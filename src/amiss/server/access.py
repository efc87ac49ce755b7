"""Who may do what: tokens with scopes, and sessions of browsers that stand for a token."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from fastapi import Depends, Request

from amiss.core.errors import ParameterError
from amiss.server.problems import Problem
from amiss.store.keys import TokenRecord
from amiss.store.store import Store

__all__ = [
    "COOKIE",
    "INGESTING",
    "LABELLING",
    "READING",
    "RULING",
    "SCOPES",
    "Access",
    "Labeller",
    "Scope",
    "Visitor",
    "guard",
    "visitor_of",
]

Scope = Literal["read", "label", "ingest", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
COOKIE = "amiss_session"
_PREFIX = "amiss_"
_SESSION_SECONDS = 14 * 86_400.0
_TRUSTED_SECONDS = 2.0
"""So long a token that was found is not asked for again."""
_USED_SECONDS = 60.0
_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever asks.

    Attributes
    ----------
    token
        What lets them in.
    session
        The cookie that stands for it; None where the token itself was shown.
    """

    token: TokenRecord
    session: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed; "admin" allows all."""
        return scope in self.token.scopes or "admin" in self.token.scopes


class Access:
    """Tokens in the store, and sessions that are signed with a key of this server.

    Parameters
    ----------
    store
        Where the digests of tokens are.
    key
        Signs sessions; whoever has it can be anybody.
    """

    def __init__(self, store: Store, key: bytes) -> None:
        self._store, self._key = store, key
        self._known: dict[str, tuple[float, TokenRecord | None]] = {}

    @classmethod
    def at(cls, store: Store, folder: Path) -> Access:
        """With the key in a folder, which is made at the first time and readable by its owner alone."""
        file = folder / "session.key"
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(store, file.read_bytes())
        key = secrets.token_bytes(32)
        with os.fdopen(handle, "wb") as out:
            out.write(key)
        return cls(store, key)

    def make(
        self, name: str, scopes: tuple[str, ...], now: float, days: float | None = None
    ) -> tuple[str, TokenRecord]:
        """A new token, which is told this once, and what is kept of it.

        Raises
        ------
        ParameterError
            A scope is not known, or there is none; the name is empty; the days are not positive.
        """
        odd = [scope for scope in scopes if scope not in SCOPES]
        if odd or not scopes:
            what = f"there is no scope {odd[0]!r}" if odd else "a token without a scope allows nothing"
            raise ParameterError(what, where="scopes", mend=f"one or more of {', '.join(SCOPES)}")
        if not name.strip() or (days is not None and not 0 < days < 1e6):
            raise ParameterError("a token has a name, and expires after some days or never", mend="give both")
        token = _PREFIX + secrets.token_urlsafe(32)
        record = TokenRecord(
            id=secrets.token_hex(6), name=name.strip()[:100], digest=_digest(token),
            scopes=tuple(dict.fromkeys(scopes)), created=now, expires=None if days is None else now + days * 86_400.0,
        )  # fmt: skip
        self._store.add_token(record)
        return token, record

    def revoke(self, token_id: str) -> bool:
        """Let a token and its sessions in no more; False where there is none."""
        self._known.clear()
        return self._store.revoke(token_id)

    def by_token(self, token: str, now: float) -> Visitor | None:
        """Whoever shows this token; None where it is not, or no longer, good."""
        found = self._token(_digest(token), now)
        return None if found is None else Visitor(found)

    def session(self, visitor: Visitor, now: float) -> str:
        """A cookie that stands for the visitor's token, for two weeks."""
        said = f"{visitor.token.digest}.{int(now + _SESSION_SECONDS)}"
        return f"{said}.{self._signed('session', said)}"

    def by_session(self, cookie: str, now: float) -> Visitor | None:
        """Whoever shows this cookie; None where it is not, or no longer, good."""
        said, _, signature = cookie.rpartition(".")
        digest, _, until = said.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signed("session", said).encode()):
            return None
        found = self._token(digest, now) if int(until) > now else None
        return None if found is None else Visitor(found, cookie)

    def csrf(self, session: str) -> str:
        """What a page of this session says when it changes something; "" is the session of nobody, at the login."""
        return self._signed("csrf", session)

    def _token(self, digest: str, now: float) -> TokenRecord | None:
        asked_at, found = self._known.get(digest, (-1e300, None))
        if not 0 <= now - asked_at < _TRUSTED_SECONDS:
            found = self._store.token(digest)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = (now, found)
            if found is not None and now - (found.used_at or 0.0) >= _USED_SECONDS:
                self._store.token_used(found.id, now)
        return found if found is not None and (found.expires is None or found.expires > now) else None

    def _signed(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use}:{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def visitor_of(request: Request) -> Visitor:
    """Whoever asks, as the shield found out."""
    found = request.scope.get("amiss.visitor")
    if not isinstance(found, Visitor):
        raise Problem(401, "a token is needed", mend="send Authorization: Bearer TOKEN, or log in")
    return found


class guard:  # noqa: N801 - read as a word at the routes: Depends(guard("label"))
    """Lets a request through whose token allows `scope`."""

    def __init__(self, scope: Scope) -> None:
        self.scope: Scope = scope

    def __call__(self, request: Request) -> Visitor:
        """The visitor."""
        visitor = visitor_of(request)
        if not visitor.may(self.scope):
            raise Problem(
                403, f"this token does not allow {self.scope!r}", where=request.url.path,
                mend=f"use a token with the scope {self.scope}",
            )  # fmt: skip
        return visitor


READING, LABELLING = Depends(guard("read")), Depends(guard("label"))
INGESTING, RULING = Depends(guard("ingest")), Depends(guard("admin"))
"""For routes that need not know who asks."""
Labeller = Annotated[Visitor, LABELLING]
"""For those that do."""
