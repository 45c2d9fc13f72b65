"""Rows that were left out, and misspelt ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import polars as pl

from openfactor.dataset.quality.evidence import Evidence
from openfactor.dataset.quality.registry import Draft, check, counted, of_rows, severe_if
from openfactor.dataset.row_counts import (
    AFTER_THE_END,
    BEFORE_LIFE,
    DUPLICATE,
    NOT_BY_LISTING,
    SUPERSEDED,
    UNKNOWN,
    UNKNOWN_OF_TYPE,
)
from openfactor.dataset.validity import described
from openfactor.results.quality import Example

EXPECTED = (
    SUPERSEDED, DUPLICATE, "is not in the settings", BEFORE_LIFE, AFTER_THE_END, NOT_BY_LISTING,
)  # fmt: skip
"""Parts of reasons that the settings and the uploads demand, or that another check reports: `source_ends` for
rows after the last price, `coverage_low` for companies whose listings have no caps, `first_return` for
returns before a life."""
REMEDIES = {
    "after the delisting": "clear the flag if the listing went on trading; if it was listed again, give it "
    "another id",
}
"""Remedies where ids are not the cause."""


@check(
    "dropped",
    looks_at="Rows of each upload that were left out, by reason: unknown ids, unsupported id types, other "
    "currencies, and so on.",
    reports="A warning above `dropped` of the rows, severe above `dropped_severe`. Rows are not counted if "
    "the company's main listing has one too, if their group is not in the settings, if they give the cap "
    "of a company while the settings ask for caps by listing, or if they are after the last price (see "
    "`source_ends`).",
    thresholds=("dropped", "dropped_severe"),
    remedy="add the ids to the id map, or correct them; see `id_spelling`, and the id types of the upload",
)
def dropped(evidence: Evidence) -> Iterator[Draft]:
    for upload, reasons in evidence.row_counts.dropped.items():
        n_read = evidence.row_counts.read.get(upload, 0)
        for reason, count in reasons.items():
            share = count / n_read if n_read else 0.0
            if share > evidence.settings.dropped and not any(part in reason for part in EXPECTED):
                yield {
                    "upload": upload,
                    "severity": severe_if(share > evidence.settings.dropped_severe),
                    "count": count,
                    "share": share,
                    **_about_ids(evidence, upload, reason, count, n_read),
                    **({"remedy": REMEDIES[reason]} if reason in REMEDIES else {}),
                }


def _about_ids(evidence: Evidence, upload: str, reason: str, count: int, n_read: int) -> Draft:
    """Message, dates and examples of rows that were left out, with their ids if these are the reason."""
    message = f"{count:,} of {n_read:,} rows of {upload} are left out: {reason}"
    unknown = _unknown_ids(evidence, upload, reason)
    if unknown is None:
        return {"message": message}
    return {
        "message": f"{message} ({counted(len(unknown), 'id')})",
        "first_date": unknown["first"].min(),
        "last_date": unknown["last"].max(),
        "examples": tuple(
            Example(asset=repr(row["asset_id"]), date=row["first"], value=counted(row["rows"], "row"))
            for row in unknown.head(3).to_dicts()
        ),
        "newest": evidence.last_price in unknown["last"],
    }


def _id_type(evidence: Evidence, reason: str) -> str | None:
    """Id type of rows that were left out because their asset is unknown; None for other reasons."""
    if reason == UNKNOWN:
        return evidence.dataset.identifiers.id_types[0]
    return reason.removeprefix(UNKNOWN_OF_TYPE) if reason.startswith(UNKNOWN_OF_TYPE) else None


def _known_ids(evidence: Evidence, upload: str, id_type: str) -> pl.Series:
    """Ids of a type that lead to a listing or, except for prices, to a company."""
    identifiers = evidence.dataset.identifiers
    if id_type == identifiers.id_types[0]:
        return identifiers.spans["id"].unique()
    spans = identifiers.listing_aliases if upload == "price" else identifiers.company_spans
    return spans.filter(pl.col("id_type") == id_type)["id"].unique()


def _unknown_ids(evidence: Evidence, upload: str, reason: str) -> pl.DataFrame | None:
    """asset_id, rows, first, last of unknown ids, most rows first; None for other reasons.

    Costs a pass over the upload.
    """
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
    """An id without blanks, punctuation, invisible characters, case, compatibility forms, leading zeros, and
    the decimals that a spreadsheet appends to a number.
    """
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
    looks_at="Unknown ids of prices, market caps and exposures, compared with those of the id map without "
    "blanks, non-breaking spaces, invisible characters, punctuation, case, leading zeros and the `.0` of a "
    "spreadsheet; and the ids of listings in the id map, compared with each other without blanks, invisible "
    "characters and case.",
    reports="Severe when they are `dropped_severe` of the rows left out or of the upload, else a warning; a "
    "warning where two listings of the id map differ in nothing else.",
    thresholds=("dropped_severe",),
    remedy="write the ids as the id map does, each in one way; if case is meaningful, as in codes of share "
    "classes, nothing is wrong",
)
def id_spelling(evidence: Evidence) -> Iterator[Draft]:
    yield from _alike_in_id_map(evidence)
    for upload, reason in [(u, r) for u, reasons in evidence.row_counts.dropped.items() for r in reasons]:
        id_type, unknown = _id_type(evidence, reason), _unknown_ids(evidence, upload, reason)
        if unknown is None or id_type is None:
            continue
        known = {plain(name): name for name in _known_ids(evidence, upload, id_type).to_list()}
        misspelt = [row for row in unknown.to_dicts() if plain(row["asset_id"]) in known]
        if misspelt:
            n_rows = sum(row["rows"] for row in misspelt)
            n_read = max(evidence.row_counts.read.get(upload, 0), n_rows)
            names = [(row["asset_id"], known[plain(row["asset_id"])]) for row in misspelt]
            last = max(row["last"] for row in misspelt)
            verb = "differs from an id" if len(misspelt) == 1 else "differ from ids"
            yield {
                "upload": upload,
                "severity": severe_if(n_rows > evidence.settings.dropped_severe * n_read),
                "message": f"{counted(len(misspelt), 'id')} of {upload} ({counted(n_rows, 'row')}) {verb} "
                "of the id map only in blanks, case, punctuation, leading zeros or invisible characters",
                "count": n_rows,
                "share": n_rows / n_read,
                "cap_share": _cap_of(evidence, id_type, {right for _, right in names}),
                "first_date": min(row["first"] for row in misspelt),
                "last_date": last,
                "examples": tuple(Example(asset=f"{wrong!r} for {right!r}") for wrong, right in names[:3]),
                "newest": last >= evidence.last_price,
            }


def _cap_of(evidence: Evidence, id_type: str, ids: set[str]) -> float | None:
    """Share of the newest day's cap of the listings with these ids; None for ids of other types."""
    identifiers, panel = evidence.dataset.identifiers, evidence.dataset.panel
    listings = identifiers.listing_ids(id_type) if id_type in identifiers.id_types[:1] else None
    if listings is None:
        return None
    is_named = np.array([name in ids for name in listings], np.bool_)
    return evidence.cap_share_of(np.array([evidence.newest]), is_named[panel.listing])


def _alike_in_id_map(evidence: Evidence) -> Iterator[Draft]:
    """Listings of the id map whose ids differ in spelling only."""
    if "idmap" not in evidence.uploads:
        return
    spelled: dict[str, list[str]] = {}
    for name in evidence.dataset.identifiers.spans["id"].unique().sort().to_list():
        spelled.setdefault(_visible(name), []).append(name)
    if alike := [names for names in spelled.values() if len(names) > 1]:
        yield {
            "upload": "idmap",
            "severity": "warning",
            "message": f"{sum(map(len, alike)):,} ids of listings in the id map differ from each other only "
            "in blanks, case or invisible characters, and count as different assets",
            "count": sum(map(len, alike)),
            "examples": tuple(Example(asset=" and ".join(map(repr, names))) for names in alike[:3]),
        }


@check(
    "id_map_validity",
    looks_at="Days on which listings are alive, compared with the days on which the id map maps them.",
    reports="A warning when more than `dropped` of the rows of the panel are outside: the id map begins too "
    "late or ends too early, and its first and last mappings are applied before and after.",
    thresholds=("dropped",),
    remedy="extend the validity in the id map; an end_date of 9999-12-31 never expires",
    needs="idmap",
)
def id_map_validity(evidence: Evidence) -> Iterator[Draft]:
    identifiers, panel = evidence.dataset.identifiers, evidence.dataset.panel
    master, core = identifiers.id_types
    pairs = evidence.uploads["idmap"].filter(
        (pl.col("from_id_type") == master) & (pl.col("to_id_type") == core)
    )
    mapped = (
        pairs.group_by(id="from_id", company_id="to_id")
        .agg(first=pl.col("start_date").min(), last=pl.col("end_date").fill_null(pl.date(9999, 12, 31)).max())
        .collect()
    )
    joined = identifiers.table.join(mapped, on=["id", "company_id"], how="left").sort("listing")
    first, last = (joined[c].to_numpy().astype("datetime64[D]") for c in ("first", "last"))
    outside = []
    for d, day in enumerate(evidence.days):
        alive = panel.rows_of(d)
        listing = panel.listing[alive]
        outside.append(alive.start + np.flatnonzero((day < first[listing]) | (day > last[listing])))
    rows = np.concatenate(outside)
    if len(rows) > evidence.settings.dropped * panel.n_rows:
        listings = np.unique(panel.listing[rows])
        yield of_rows(
            evidence, rows, upload="idmap", severity="warning", out_of=panel.n_rows,
            message=f"{counted(len(listings), 'listing')} alive on days on which the id map has no mapping",
            examples=tuple(
                Example(asset=evidence.listing_ids[i], value=f"mapped {first[i]} to {last[i]}")
                for i in listings[:3].tolist()
            ),
        )  # fmt: skip


@check(
    "id_of_two_companies",
    looks_at="Identifiers of the id map that lead to two companies on the same days. Ids of listings are not "
    "included: for these it is an error.",
    reports="A warning if there are any: rows and portfolios that use one on such a day are refused.",
    remedy="end one mapping the day before the other starts, or use another id type for these assets",
    needs="idmap",
)
def id_of_two_companies(evidence: Evidence) -> Iterator[Draft]:
    identifiers = evidence.dataset.identifiers
    pairs = identifiers.ambiguous_companies
    if len(pairs):
        n = pairs.select("id_type", "id").n_unique()
        verb = "leads" if n == 1 else "lead"
        yield {
            "upload": "idmap",
            "severity": "warning",
            "message": f"{counted(n, 'identifier')} {verb} to two companies on the same days",
            "count": n,
            "examples": tuple(Example(asset=text) for text in described(pairs, identifiers.id_types[1])[:3]),
        }
