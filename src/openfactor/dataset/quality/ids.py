"""Rows that were left out, and ids that nearly match."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check, of_rows
from openfactor.dataset.rowcounts import (
    AFTER_THE_END,
    BEFORE_LIFE,
    DUPLICATE,
    NOT_BY_LISTING,
    SUPERSEDED,
    UNKNOWN,
    UNKNOWN_OF_TYPE,
)
from openfactor.dataset.validity import described
from openfactor.results.quality import Example, Severity

MEANT = (
    SUPERSEDED, DUPLICATE, "is not in the settings", BEFORE_LIFE, AFTER_THE_END, NOT_BY_LISTING,
)  # fmt: skip
"""Parts of the reasons for which rows are left out as the settings and the uploads ask for, or that another
check looks at: `source_ends` at what goes on after the last price, `coverage_low` at companies whose listings
have no caps, `first_return` at returns before a life."""
REMEDIES = {
    "after the delisting": "take the flag off if the name went on; listed again, it needs another id",
}
"""What to do where ids are not to blame."""


@check(
    "dropped",
    looks_at="Rows of each upload that were left out, by reason: ids that the id map does not know, other id "
    "types, currencies, and so on.",
    reports="A warning above `dropped` of the rows, severe above `dropped_severe`. Not counted are rows "
    "that the company's main listing has too, of groups that the settings do not name, of companies where "
    "they ask for caps by listing, and of days after the last price (see "
    "`source_ends`).",
    thresholds=("dropped", "dropped_severe"),
    remedy="add the ids to the id map, or correct them; see `id_spelling` and the id types of the upload",
)
def dropped(evidence: Evidence) -> Iterator[Draft]:
    settings = evidence.settings
    for upload, reasons in evidence.row_counts.dropped.items():
        read = evidence.row_counts.read.get(upload, 0)
        for reason, count in reasons.items():
            share = count / read if read else 0.0
            if share > settings.dropped and not any(part in reason for part in MEANT):
                severity: Severity = "severe" if share > settings.dropped_severe else "warning"
                unknown = _unknown_ids(evidence, upload, reason)
                yield {
                    **({"remedy": REMEDIES[reason]} if reason in REMEDIES else {}),
                    "upload": upload,
                    "severity": severity,
                    "message": f"{count:,} of {read:,} rows of {upload} are left out: {reason}"
                    + ("" if unknown is None else f" ({len(unknown):,} ids)"),
                    "count": count,
                    "share": share,
                    "first_date": None if unknown is None else unknown["first"].min(),
                    "last_date": None if unknown is None else unknown["last"].max(),
                    "examples": () if unknown is None else tuple(
                        Example(asset=repr(row["asset_id"]), date=row["first"], value=f"{row['rows']:,} rows")
                        for row in unknown.head(3).to_dicts()
                    ),
                    "newest": unknown is not None and evidence.last_price in unknown["last"],
                }  # fmt: skip


def _id_type(evidence: Evidence, reason: str) -> str | None:
    """The id type of rows that were left out because their asset is unknown."""
    if reason == UNKNOWN:
        return evidence.dataset.identifiers.id_types[0]
    return reason.removeprefix(UNKNOWN_OF_TYPE) if reason.startswith(UNKNOWN_OF_TYPE) else None


def _known_ids(evidence: Evidence, upload: str, id_type: str) -> pl.Series:
    """Ids of a type that lead to a listing or, but for prices, to a company."""
    identifiers = evidence.dataset.identifiers
    if id_type == identifiers.id_types[0]:
        return identifiers.spans["id"].unique()
    spans = identifiers.listing_aliases if upload == "price" else identifiers.company_spans
    return spans.filter(pl.col("id_type") == id_type)["id"].unique()


def _unknown_ids(evidence: Evidence, upload: str, reason: str) -> pl.DataFrame | None:
    """asset_id, rows, first, last of ids that lead nowhere, most rows first. Only read where rows were left
    out: it costs a pass over the upload."""
    id_type = _id_type(evidence, reason)
    if id_type is None or upload not in evidence.uploads:
        return None
    date = pl.col("date")
    by_id = (
        evidence.uploads[upload]
        .filter(pl.col("asset_id_type") == id_type)
        .group_by("asset_id")
        .agg(rows=pl.len(), first=date.min(), last=date.max())
        .collect(engine="streaming")
    )
    known = _known_ids(evidence, upload, id_type)
    return by_id.filter(~pl.col("asset_id").is_in(known.implode())).sort(
        "rows", "asset_id", descending=[True, False]
    )


NUMBER = re.compile(r"\d+\.0+")


def plain(text: str) -> str:
    """An id without blanks, punctuation, invisible characters, case, compatibility forms, zeros in front, and
    the point of a number that a spreadsheet made of it."""
    kept = _visible(text)
    whole = kept.split(".")[0] if NUMBER.fullmatch(kept) else kept
    letters = "".join(c for c in whole if c.isalnum())
    return letters.lstrip("0") or letters[:1] or whole


def _visible(text: str) -> str:
    """An id without blanks, invisible characters, case and compatibility forms."""
    kept = unicodedata.normalize("NFKC", text)
    return "".join(c for c in kept if not c.isspace() and unicodedata.category(c)[0] != "C").casefold()


@check(
    "id_spelling",
    looks_at="Ids of prices, market caps and exposures that the id map does not know, against those that it "
    "knows, without blanks, non-breaking spaces, invisible characters, punctuation, case, zeros in front and "
    "the `.0` of a spreadsheet; and the ids of listings of the id map against each other, without blanks, "
    "invisible characters and case.",
    reports="Severe when they are `dropped_severe` of the rows that are left out or of the upload, else a "
    "warning; a warning where two listings of the id map are told apart by nothing else.",
    thresholds=("dropped_severe",),
    remedy="write the ids as the id map has them, and each in one way; where the case means something, as in "
    "codes of share classes, they are right as they are",
)
def id_spelling(evidence: Evidence) -> Iterator[Draft]:
    yield from _alike(evidence)
    for upload, reason in [(u, r) for u, reasons in evidence.row_counts.dropped.items() for r in reasons]:
        id_type, unknown = _id_type(evidence, reason), _unknown_ids(evidence, upload, reason)
        if unknown is None or id_type is None:
            continue
        known = {plain(name): name for name in _known_ids(evidence, upload, id_type).to_list()}
        close = [row for row in unknown.to_dicts() if plain(row["asset_id"]) in known]
        if close:
            rows = sum(row["rows"] for row in close)
            read = max(evidence.row_counts.read.get(upload, 0), rows)
            yield {
                "upload": upload,
                "severity": "severe" if rows > evidence.settings.dropped_severe * read else "warning",
                "message": f"{len(close):,} id{'s' * (len(close) > 1)} of {upload} ({rows:,} rows) differ "
                "from ids of the id map only by blanks, case, punctuation, zeros in front or invisible "
                "characters",
                "count": rows,
                "share": rows / read,
                "cap_share": _cap_of(evidence, id_type, {known[plain(row["asset_id"])] for row in close}),
                "first_date": min(row["first"] for row in close),
                "last_date": max(row["last"] for row in close),
                "examples": tuple(
                    Example(asset=f"{row['asset_id']!r} for {known[plain(row['asset_id'])]!r}")
                    for row in close[:3]
                ),
                "newest": max(row["last"] for row in close) >= evidence.last_price,
            }


def _cap_of(evidence: Evidence, id_type: str, ids: set[str]) -> float | None:
    """Share of the newest day's cap of the companies that ids of a type lead to on any day."""
    identifiers, panel = evidence.dataset.identifiers, evidence.dataset.panel
    listings = identifiers.names(id_type) if id_type in identifiers.id_types[:1] else None
    if listings is None:
        return None
    mine = np.array([name in ids for name in listings], np.bool_)
    return evidence.cap_share_of(np.array([evidence.newest]), mine[panel.listing])


def _alike(evidence: Evidence) -> Iterator[Draft]:
    """Listings of the id map whose ids differ by spelling only."""
    if "idmap" not in evidence.uploads:
        return
    spelled: dict[str, list[str]] = {}
    for name in evidence.dataset.identifiers.spans["id"].unique().sort().to_list():
        spelled.setdefault(_visible(name), []).append(name)
    if alike := [names for names in spelled.values() if len(names) > 1]:
        yield {
            "upload": "idmap",
            "severity": "warning",
            "message": f"{sum(map(len, alike)):,} ids of listings of the id map differ from each other only "
            "by blanks, case or invisible characters, and are different assets",
            "count": sum(map(len, alike)),
            "examples": tuple(Example(asset=" and ".join(map(repr, names))) for names in alike[:3]),
        }


@check(
    "id_map_validity",
    looks_at="Lives of listings against the days on which the id map maps them.",
    reports="A warning when more than `dropped` of the rows of the panel are outside: the id map begins "
    "too late or ends too early, and its first and last mapping are held to be valid before and after.",
    thresholds=("dropped",),
    remedy="extend the validity in the id map; end_date 9999-12-31 is for ever",
    needs="idmap",
)
def id_map_validity(evidence: Evidence) -> Iterator[Draft]:
    identifiers, panel = evidence.dataset.identifiers, evidence.dataset.panel
    master, core = identifiers.id_types
    pairs = evidence.uploads["idmap"].filter(
        (pl.col("from_id_type") == master) & (pl.col("to_id_type") == core)
    )
    stated = (
        pairs.group_by(id="from_id", company_id="to_id")
        .agg(first=pl.col("start_date").min(), last=pl.col("end_date").fill_null(pl.date(9999, 12, 31)).max())
        .collect()
    )
    joined = identifiers.table.join(stated, on=["id", "company_id"], how="left").sort("listing")
    first = joined["first"].to_numpy().astype("datetime64[D]")
    last = joined["last"].to_numpy().astype("datetime64[D]")
    found = []
    for d, day in enumerate(evidence.days):
        mine = panel.rows_of(d)
        names = panel.listing[mine]
        found.append(mine.start + np.flatnonzero((day < first[names]) | (day > last[names])))
    rows = np.concatenate(found)
    if len(rows) > evidence.settings.dropped * panel.n_rows:
        listings = np.unique(panel.listing[rows])
        yield of_rows(
            evidence, rows, upload="idmap", severity="warning", out_of=panel.n_rows,
            message=f"{len(listings):,} listing{'s' * (len(listings) > 1)} live on days on which the id "
            "map does not map them",
            examples=tuple(
                Example(asset=evidence.names[i], value=f"mapped {first[i]} to {last[i]}")
                for i in listings[:3].tolist()
            ),
        )  # fmt: skip


@check(
    "id_of_two_companies",
    looks_at="Identifiers of the id map that lead to two companies on the same days, other than those of the "
    "listings themselves, which are refused.",
    reports="A warning where there are any: rows and portfolios that use one on such a day are refused.",
    remedy="end one mapping on the day before the other starts, or name these assets by another id type",
    needs="idmap",
)
def id_of_two_companies(evidence: Evidence) -> Iterator[Draft]:
    identifiers = evidence.dataset.identifiers
    pairs = identifiers.ambiguous_companies
    if len(pairs):
        ids = pairs.select("id_type", "id").n_unique()
        yield {
            "upload": "idmap",
            "severity": "warning",
            "message": f"{ids:,} identifier{'s' * (ids > 1)} lead to two companies on the same days",
            "count": ids,
            "examples": tuple(Example(asset=text) for text in described(pairs, identifiers.id_types[1])[:3]),
        }
