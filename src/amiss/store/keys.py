"""Who may come in at the server."""

from __future__ import annotations

from typing import Any

import msgspec

from amiss.store.json_text import clean_text
from amiss.store.room import Room

__all__ = ["Keys", "TokenRecord"]


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What lets somebody in at the server; the token itself is kept nowhere.

    Attributes
    ----------
    id
        What it is called in the list of tokens.
    name
        Whose it is.
    digest
        SHA-256 of the token, in hexadecimal.
    scopes
        What it allows: "read", "label", "ingest", "admin".
    created, expires, used_at
        In seconds; `expires` None for never, `used_at` None until it was used.
    """

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    created: float
    expires: float | None = None
    used_at: float | None = None


class Keys(Room):
    """Tokens, by their digests alone."""

    def add_token(self, token: TokenRecord) -> None:
        """Let somebody in from now on."""
        from sqlalchemy import insert

        from amiss.store.tables import TOKENS

        row = {name: getattr(token, name) for name in TokenRecord.__struct_fields__} | {
            "scopes": " ".join(token.scopes)
        }
        self._changed(insert(TOKENS).values(**row | {"name": clean_text(token.name)}))

    def tokens(self) -> list[TokenRecord]:
        """All tokens, the oldest first."""
        from sqlalchemy import select

        from amiss.store.tables import TOKENS

        return [_token(row) for row in self._rows(select(TOKENS).order_by(TOKENS.c.created, TOKENS.c.id))]

    def token(self, digest: str) -> TokenRecord | None:
        """The token with this digest; None where there is none."""
        from sqlalchemy import select

        from amiss.store.tables import TOKENS

        rows = self._rows(select(TOKENS).where(TOKENS.c.digest == digest))
        return _token(rows[0]) if rows else None

    def token_used(self, token_id: str, now: float) -> None:
        """Note when a token was used."""
        from sqlalchemy import update

        from amiss.store.tables import TOKENS

        self._changed(update(TOKENS).where(TOKENS.c.id == token_id).values(used_at=now))

    def revoke(self, token_id: str) -> bool:
        """Let it in no more; False where there is no such token."""
        from sqlalchemy import delete

        from amiss.store.tables import TOKENS

        return self._changed(delete(TOKENS).where(TOKENS.c.id == clean_text(token_id)))


def _token(row: dict[str, Any]) -> TokenRecord:
    return TokenRecord(**row | {"scopes": tuple(row["scopes"].split())})
