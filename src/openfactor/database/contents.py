"""Which stored content has been made from what: recipes lead to contents."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

METADATA = sa.MetaData()
_CONTENTS = sa.Table(
    "contents",
    METADATA,
    sa.Column("recipe", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("content", sa.String, nullable=False),
    sa.Column("dataset", sa.String),
    sa.Column("settings", sa.String, index=True),
    sa.Column("made_on", sa.DateTime, nullable=False),
)


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


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


class Contents:
    """Recipes and what was made from them. A recipe always gives the same numbers, so that the last content
    that was made from it is as good as the first.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def find(self, recipe: str) -> str | None:
        """The content that was made from a recipe; None if there is none."""
        query = sa.select(_CONTENTS.c.content).where(_CONTENTS.c.recipe == recipe)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar()

    def put(
        self, recipe: str, kind: str, content: str, *, dataset: str | None = None, settings: str | None = None
    ) -> None:
        """Note what was made from a recipe, in place of what was made from it before."""
        row = {
            "recipe": recipe, "kind": kind, "content": content, "dataset": dataset, "settings": settings,
            "made_on": _now(),
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_CONTENTS).where(_CONTENTS.c.recipe == recipe))
            connection.execute(sa.insert(_CONTENTS).values(row))

    def touch(self, recipe: str) -> bool:
        """Note that a content is about to be used, so that it counts as made now; whether there is one."""
        row = {"made_on": _now()}
        with self._engine.begin() as connection:
            changed = connection.execute(sa.update(_CONTENTS).where(_CONTENTS.c.recipe == recipe).values(row))
            return changed.rowcount > 0

    def list(self, kind: str | None = None, *, settings: str | None = None) -> list[MadeContent]:
        """What was made, the newest first."""
        query = sa.select(_CONTENTS).order_by(_CONTENTS.c.made_on.desc(), _CONTENTS.c.recipe)
        if kind is not None:
            query = query.where(_CONTENTS.c.kind == kind)
        if settings is not None:
            query = query.where(_CONTENTS.c.settings == settings)
        with self._engine.connect() as connection:
            return [MadeContent(**row._mapping) for row in connection.execute(query)]

    def remove(self, recipe: str) -> None:
        """Forget what was made from a recipe."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_CONTENTS).where(_CONTENTS.c.recipe == recipe))
