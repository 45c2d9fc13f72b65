"""Which stored content has been made from what: recipes lead to contents."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from openfactor.database.connections import Database
from openfactor.database.tables import CONTENTS, ENTRIES, now, stored_time, time_of


@dataclass(frozen=True)
class MadeContent:
    """What was made from a recipe."""

    recipe: str
    """Hash of all that it was made from."""
    kind: str
    """Such as "dataset" or "estimates"."""
    content: str
    """Hash of its manifest."""
    dataset: str | None
    """Of estimates: the recipe of the dataset's data."""
    settings: str | None
    """Of estimates: hash of the settings that matter for them."""
    made_on: dt.datetime
    """When it was made or asked for last, UTC."""
    sequence: int
    """Greater than that of whatever was made or asked for before, whatever the clock says."""


_NEXT = sa.select(sa.func.coalesce(sa.func.max(CONTENTS.c.sequence), 0) + 1).scalar_subquery()


class Contents:
    """Recipes and what was made from them. A recipe always gives the same numbers, so that the last content
    that was made from it is as good as the first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, recipe: str) -> str | None:
        """The content that was made from a recipe; None if there is none."""
        query = sa.select(CONTENTS.c.content).where(CONTENTS.c.recipe == recipe)
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def put(
        self, recipe: str, kind: str, content: str, *, dataset: str | None = None, settings: str | None = None
    ) -> None:
        """Note what was made from a recipe, in place of what was made from it before."""
        row = {"recipe": recipe, "kind": kind, "content": content, "dataset": dataset, "settings": settings}
        with self._database.writing() as connection:
            (sequence,) = connection.execute(sa.select(_NEXT)).one()
            connection.execute(sa.delete(CONTENTS).where(CONTENTS.c.recipe == recipe))
            connection.execute(CONTENTS.insert().values(row | _made_now() | {"sequence": sequence}))

    def touch(self, recipe: str) -> bool:
        """Note that a content is about to be used, so that it counts as made now; whether there is one."""
        change = sa.update(CONTENTS).where(CONTENTS.c.recipe == recipe)
        with self._database.writing() as connection:
            changed = connection.execute(change.values(_made_now() | {"sequence": _NEXT}))
            return changed.rowcount > 0

    def list(self, kind: str | None = None, *, settings: str | None = None) -> list[MadeContent]:
        """What was made, the newest first."""
        query = sa.select(CONTENTS).order_by(CONTENTS.c.sequence.desc(), CONTENTS.c.recipe)
        if kind is not None:
            query = query.where(CONTENTS.c.kind == kind)
        if settings is not None:
            query = query.where(CONTENTS.c.settings == settings)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [MadeContent(**{**row, "made_on": time_of(row["made_on"])}) for row in rows]

    def remove(self, made: MadeContent) -> bool:
        """Forget what was made from a recipe, unless it was made or asked for again, or a dataset has it;
        whether it is gone.
        """
        gone = sa.delete(CONTENTS).where(
            CONTENTS.c.recipe == made.recipe,
            CONTENTS.c.sequence == made.sequence,
            ~sa.exists().where(ENTRIES.c.fingerprint == made.recipe),
        )
        with self._database.writing() as connection:
            return connection.execute(gone).rowcount > 0


def _made_now() -> dict[str, Any]:
    return {"made_on": stored_time(now())}
