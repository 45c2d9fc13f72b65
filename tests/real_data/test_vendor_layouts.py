"""Tables as vendors send them: Yahoo's files, matrices of dates by tickers, no currency, no id type.

The layouts are those of Yahoo's downloads and of `yfinance`, of terminal exports and of sheets of closes.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from openfactor import Client
from openfactor.client.upload import Upload
from openfactor.errors import ConflictError, DataError, NotFoundError, SettingsError
from openfactor.settings import ColumnMapping

# closes alone are enough here, and commits of them warn
pytestmark = pytest.mark.filterwarnings("ignore:none of the committed prices has a return")
ROOT = Path(__file__).resolve().parents[2]
YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2024-01-02,9,12,8,{0},1.4,100
2024-01-03,9,12,8,{1},1.5,100
"""
DAYS = [dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
IDS = {"asset_id_type": "ticker", "ccy": "USD"}
CLOSES = [(DAYS[0], "AAPL", 10.0), (DAYS[0], "MSFT", 20.0), (DAYS[1], "AAPL", 11.0), (DAYS[1], "MSFT", 21.0)]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client.local(tmp_path / "workspace", progress=False)


@pytest.fixture
def prices(client: Client) -> Upload:
    return client.equity.uploaders["price"].create_dataset("p")


def yahoo(folder: Path) -> Path:
    folder.mkdir()
    (folder / "AAPL.csv").write_text(YAHOO.format(10, 11))
    (folder / "MSFT.csv").write_text(YAHOO.format(20, 21))
    return folder


def closes(upload: Upload) -> list[tuple]:
    rows = upload.get_data(
        columns=["date", "asset_id", "asset_id_type", "ccy", "close", "return", "delisted"]
    )
    found = rows.collect().sort("date", "asset_id")
    assert set(found.select("asset_id_type", "ccy", "return", "delisted").rows()) == {
        ("ticker", "USD", None, False)
    }
    return found.select("date", "asset_id", "close").rows()


def test_a_folder_of_yahoo_files(prices: Upload, tmp_path: Path) -> None:
    folder = yahoo(tmp_path / "yahoo")
    result = prices.stage_file(folder, constants={"asset_id": "{file}", **IDS}, drop_extra=True)
    assert result.success
    assert any("dropped: Open, High, Low, Adj Close, Volume" in m for m in result.results[0].messages)
    done = prices.commit("append")
    assert done.committed_names == ["AAPL", "MSFT"]
    assert done.notes == [
        "AAPL and 1 more: empty, because the table lacks them: return, delisted (false), dividend, split",
        "AAPL and 1 more: dropped: Open, High, Low, Adj Close, Volume",
    ]
    assert closes(prices) == CLOSES


def test_extra_columns_are_refused_by_name_unless_they_are_to_be_left_out(
    prices: Upload, tmp_path: Path
) -> None:
    path = yahoo(tmp_path / "yahoo") / "AAPL.csv"
    with pytest.raises(DataError) as caught:
        prices.fast_commit(path, "append", constants={"asset_id": "{file}", **IDS})
    assert [(f.rule, f.column) for f in caught.value.faults] == [
        ("unknown_column", name) for name in ("Open", "High", "Low", "Adj Close", "Volume")
    ]
    misspelt = pl.DataFrame({"date": DAYS, "ticker": "A", "close": 1.0, "retrun": 0.1})
    with pytest.raises(DataError, match=r"missing_column\] p.return"):
        prices.fast_commit(misspelt, "append", constants={"ccy": "USD"}, drop_extra=True)


def test_extra_columns_of_wide_exposures(client: Client) -> None:
    """Names of companies beside the scores: no factor has a heading without its group."""
    upload = client.equity.uploaders["exposures"].create_dataset("e")
    scores = pl.DataFrame(
        {
            "date": [DAYS[0]] * 2,
            "ticker": ["A", "B"],
            "company": ["Alpha", None],
            "style.size": [1.0, 2.0],
            "style.value": [None, 3.0],
        }
    )
    refused = upload.stage_df("e", scores)
    assert not refused
    assert "wide: [unknown_column] e.company: must be named" in repr(refused).split("\n")[1]
    done = upload.fast_commit(scores, "append", drop_extra=True)
    assert done.notes == ["e: dropped: company"]
    rows = upload.get_data(columns=["asset_id", "factor", "exposure"]).collect().rows()
    assert sorted(rows) == [("A", "size", 1.0), ("B", "size", 2.0), ("B", "value", 3.0)]
    without = scores.drop("style.size", "style.value")
    assert not upload.stage_df("f", without, parser="wide", drop_extra=True)


def test_the_name_of_a_frame_that_has_none(prices: Upload) -> None:
    """It would have been the name of the upload, for every asset."""
    frame = pl.DataFrame({"date": DAYS, "close": [10.0, 11.0]})
    constants = IDS | {"asset_id": "{file}"}
    with pytest.raises(SettingsError, match=r"asset_id: \{file\} stands for the name of a file"):
        prices.fast_commit(frame, "append", constants=constants)
    for ask in (prices.can_handle, prices.parse):
        mapping = ColumnMapping(constants=constants)
        with pytest.raises(SettingsError, match="this frame has no name"):
            ask(frame, mapping=mapping)
        assert ask(frame, name="AAPL.csv", mapping=mapping)
    assert prices.stage_df("AAPL", frame, constants=constants)
    prices.commit("append")
    assert closes(prices) == CLOSES[::2]


def test_what_cannot_be_a_constant_is_said_in_a_line(prices: Upload) -> None:
    frame = pl.DataFrame({"date": DAYS, "close": [10.0, 11.0]})
    with pytest.raises(SettingsError) as caught:
        prices.stage_df("x", frame, mapping={"close": 5}, constants={"ccy": None})  # type: ignore[dict-item]
    assert caught.value.problems == (
        "columns.close: 5 is no name of a column, or None",
        "constants.ccy: None is no text, number, flag or date",
    )


def test_frames_of_yfinance(prices: Upload) -> None:
    days = pd.DatetimeIndex(DAYS, name="Date")
    frame = pd.DataFrame(
        [[10.0, 20.0, 1, 2], [11.0, 21.0, 1, np.nan]], index=days,
        columns=pd.MultiIndex.from_product(
            [["Close", "Volume"], ["AAPL", "MSFT"]], names=["Price", "Ticker"]
        ),
    )  # fmt: skip
    for given in (frame, frame.swaplevel(axis=1), frame.tz_localize("America/New_York")):
        prices.fast_commit(given, "overwrite", constants={"ccy": "USD"}, drop_extra=True)
        assert closes(prices) == CLOSES


def yfinance_frame(group_by: str, names: bool) -> pd.DataFrame:
    """As `yfinance.download` gives it; AAPL has nothing on the second day, so none of its fields there."""
    days = pd.DatetimeIndex(DAYS, name="Date")
    values = {
        ("Adj Close", "AAPL"): [1.0, np.nan], ("Adj Close", "MSFT"): [2.0, 2.5],
        ("Close", "AAPL"): [10.0, np.nan], ("Close", "MSFT"): [20.0, 21.0],
        ("Dividends", "AAPL"): [0.0, np.nan], ("Dividends", "MSFT"): [0.0, 0.5],
        ("Stock Splits", "AAPL"): [0.0, np.nan], ("Stock Splits", "MSFT"): [0.0, 3.0],
        ("Volume", "AAPL"): [100, np.nan], ("Volume", "MSFT"): [200, 300],
    }  # fmt: skip
    frame = pd.DataFrame(values, index=days)
    frame.columns.names = ["Price", "Ticker"] if names else [None, None]
    return frame.swaplevel(axis=1).sort_index(axis=1) if group_by == "ticker" else frame


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("group_by", ["column", "ticker"])
@pytest.mark.parametrize("kind", ["frame", "reset", "csv", "xlsx", "csv of one"])
def test_what_yfinance_gives_and_writes(
    prices: Upload, tmp_path: Path, kind: str, group_by: str, names: bool
) -> None:
    """Its files have a row of fields, one of tickers, and one that only names the column of dates."""
    frame = yfinance_frame(group_by, names)
    if kind == "csv of one":
        frame = frame.loc[:, ["MSFT" in pair for pair in frame.columns]]
    path = tmp_path / f"x.{'xlsx' if kind == 'xlsx' else 'csv'}"
    (frame.to_excel if kind == "xlsx" else frame.to_csv)(path)
    given = {"frame": frame, "reset": frame.reset_index()}.get(kind, path)
    done = prices.fast_commit(given, "append", constants={"ccy": "USD"}, drop_extra=True)
    assert any("dropped: Adj Close, Volume" in note for note in done.notes)
    assert any("0 in" in note and "means none" in note for note in done.notes)
    found = prices.get_data(columns=["date", "asset_id", "close", "dividend", "split"]).collect()
    rows = [
        (DAYS[0], "AAPL", 10.0, 0.0, None),
        (DAYS[0], "MSFT", 20.0, 0.0, None),
        (DAYS[1], "MSFT", 21.0, 0.5, 3.0),
    ]
    assert found.sort("date", "asset_id").rows() == [
        r for r in rows if kind != "csv of one" or r[1] == "MSFT"
    ]


def test_tables_that_only_resemble_those_with_two_rows_of_headings(prices: Upload, tmp_path: Path) -> None:
    """A matrix with an empty day; a table whose first column is the ticker."""
    matrix = "date,AAPL,MSFT\n2024-01-02,10,20\n2024-01-03,,\n2024-01-04,12,22\n"
    (tmp_path / "x.csv").write_text(matrix)
    assert prices.fast_commit(tmp_path / "x.csv", "overwrite", value="close", constants=IDS).rows_added == 4
    (tmp_path / "x.csv").write_text("Ticker,date,close\nPRICE,2024-01-02,10\nTICKER,2024-01-02,10\n")
    done = prices.fast_commit(tmp_path / "x.csv", "overwrite", constants={"ccy": "USD"})
    assert done.rows_added == 2
    assert prices.get_data().collect()["asset_id"].sort().to_list() == ["PRICE", "TICKER"]


def test_a_split_of_0_is_none_whatever_it_comes_in(prices: Upload) -> None:
    """yfinance has 0.0 on every day without a split."""
    frame = pl.DataFrame({"date": DAYS, "asset_id": "A", "close": [4.0, 2.0], "Stock Splits": [0.0, 2.0]})
    for given in (frame, frame.to_pandas(), frame.cast({"Stock Splits": pl.Int64}), frame.cast(pl.String)):
        prices.fast_commit(given, "overwrite", constants=IDS)
        assert prices.get_data().collect().sort("date")["split"].to_list() == [None, 2.0]
    wide = pl.DataFrame({"date": DAYS, "A": [0.0, 2.0]})
    prices.fast_commit(wide, "overwrite", value="split", constants=IDS)
    assert prices.get_data().collect()["split"].to_list() == [2.0]
    with pytest.raises(DataError, match=r"positive\] p.split"):
        prices.fast_commit(frame.with_columns(pl.lit(-1.0).alias("Stock Splits")), "append", constants=IDS)


def matrices() -> dict[str, object]:
    frame = pl.DataFrame({"Date": DAYS, "AAPL": [10.0, 11.0], "MSFT": [20.0, 21.0]})
    transposed = pl.DataFrame({"ticker": ["AAPL", "MSFT"], "2024-01-02": [10, 20], "2024-01-03": [11, 21]})
    indexed = frame.to_pandas().set_index("Date")
    return {
        "polars": frame, "pandas": frame.to_pandas(), "index": indexed, "pyarrow": frame.to_arrow(),
        "index without a name": indexed.rename_axis(None).set_axis(pd.DatetimeIndex(DAYS)),
        "text": frame.cast(pl.String), "days as headings": transposed,
    }  # fmt: skip


@pytest.mark.parametrize("kind", matrices())
def test_matrices(prices: Upload, kind: str) -> None:
    prices.fast_commit(matrices()[kind], "append", value="close", constants=IDS)
    assert closes(prices) == CLOSES


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_files_of_matrices_whose_index_has_no_name(prices: Upload, tmp_path: Path, kind: str) -> None:
    """pandas leaves the heading of such an index empty."""
    frame = pd.DataFrame({"AAPL": [10.0, 11.0], "MSFT": [20.0, 21.0]}, index=pd.DatetimeIndex(DAYS))
    path = tmp_path / f"x.{kind}"
    (frame.to_csv if kind == "csv" else frame.to_excel)(path)
    prices.fast_commit(path, "append", value="close", constants=IDS)
    assert closes(prices) == CLOSES
    counted = frame.rename_axis("date").stack().rename_axis(["date", "ticker"]).rename("close").reset_index()
    (counted.to_csv if kind == "csv" else counted.to_excel)(path)
    with pytest.raises(DataError, match="unknown_column"):
        prices.fast_commit(path, "append", constants={"ccy": "USD"})
    prices.fast_commit(path, "overwrite", constants={"ccy": "USD"}, mapping={"": None})
    assert closes(prices) == CLOSES


def test_empty_cells_of_a_matrix_have_no_row_and_bad_ones_are_faults(prices: Upload) -> None:
    frame = pl.DataFrame({"date": DAYS, "AAPL": ["10", ""], "MSFT": ["NaN", "21"], "X": ["#N/A", "abc"]})
    with pytest.raises(DataError) as caught:
        prices.fast_commit(frame, "append", value="close", constants=IDS)
    assert [(f.rule, f.column) for f in caught.value.faults] == [
        ("spreadsheet_error", "X"),
        ("unreadable", "X"),
    ]
    prices.fast_commit(frame, "append", value="close", constants=IDS, mapping={"X": None})
    assert closes(prices) == [CLOSES[0], CLOSES[3]]


def test_matrices_of_other_types(client: Client) -> None:
    uploaders = client.equity.uploaders
    rates = uploaders["exchange_rates"].create_dataset("fx")
    rates.fast_commit(
        pl.DataFrame({"date": DAYS, "EUR": [0.9, 0.8], "JPY": [140, 141]}), "append", value="fx_rate"
    )
    assert rates.get_data().collect().sort("ccy", "date").rows() == [
        (DAYS[0], "EUR", 0.9), (DAYS[1], "EUR", 0.8), (DAYS[0], "JPY", 140.0), (DAYS[1], "JPY", 141.0),
    ]  # fmt: skip
    caps = uploaders["market_cap"].create_dataset("c")
    caps.fast_commit(
        pl.DataFrame({"date": DAYS, "A": [1.0, 2.0]}), "append", value="market_cap", constants=IDS
    )
    assert caps.get_data().collect()["idio_vol"].null_count() == 2
    style = uploaders["exposures"].create_dataset("e")
    named = {"factor_group": "style", "factor": "size", "asset_id_type": "ticker"}
    style.fast_commit(
        pl.DataFrame({"date": DAYS, "A": [1.0, 2.0]}), "append", value="exposure", constants=named
    )
    assert style.get_data().collect()["factor"].to_list() == ["size", "size"]


TERMINAL = pl.DataFrame({
    "SECURITY": ["AAPL", "MSFT"] * 2, "Date": [DAYS[0], DAYS[0], DAYS[1], DAYS[1]],
    "PX_LAST_USD": [10.0, 20.0, 11.0, 21.0], "COMMENT": "",
})  # fmt: skip
LAYOUT = ColumnMapping(
    columns={"SECURITY": "asset_id", "PX_LAST_USD": "close", "COMMENT": None}, constants=IDS
)


def test_mappings_are_saved_by_name(client: Client, prices: Upload, tmp_path: Path) -> None:
    mappings = client.equity.uploaders.mappings
    key = mappings.save("terminal", LAYOUT)
    assert (mappings.get_identifiers(), mappings.get(key)) == ({"terminal": key}, LAYOUT)
    with pytest.raises(ConflictError, match="overwrite=True"):
        mappings.save("terminal", LAYOUT)
    again = Client.local(tmp_path / "workspace", progress=False)
    again.equity.uploaders["price"]["p"].fast_commit(TERMINAL, "append", mapping="terminal")
    assert closes(prices) == CLOSES
    euros = LAYOUT.model_copy(update={"constants": {"asset_id_type": "ticker", "ccy": "EUR"}})
    assert mappings.save("terminal", euros, overwrite=True) == key
    # what stands beside a saved mapping comes before it
    assert prices.validate(TERMINAL, mapping="terminal").rows["ccy"].unique().to_list() == ["EUR"]
    prices.fast_commit(TERMINAL, "overwrite", mapping="terminal", constants={"ccy": "USD"})
    assert closes(prices) == CLOSES
    mappings.delete("terminal")
    with pytest.raises(NotFoundError, match="there is no ColumnMapping named"):
        prices.stage_df("x", TERMINAL, mapping="terminal")


def test_what_does_not_fit(prices: Upload) -> None:
    with pytest.raises(SettingsError) as wrong:
        prices.stage_df("x", TERMINAL, mapping={"a": "clos"}, constants={"cy": "USD"}, value="ccy")
    assert [problem.partition(":")[0] for problem in wrong.value.problems] == [
        "mapping",
        "constants",
        "value",
    ]
    cases: list[tuple[dict, str]] = [
        ({"mapping": {"PX": "close"}, "drop_extra": True}, r"missing_column\] x.PX: is mapped to close"),
        ({"mapping": {"SECURITY": "close", "PX_LAST_USD": "close"}}, r"ambiguous_column\] x.close"),
        ({"mapping": LAYOUT, "constants": {"date": "2024-01-02"}}, r"ambiguous_column\] x.date: is a const"),
        ({"value": "close", "constants": {"ccy": "USD"}}, r"missing_column\] x.asset_id_type"),
    ]  # fmt: skip
    for options, message in cases:
        result = prices.stage_df("x", TERMINAL, replace=True, **options)
        assert not result.success
        assert any(re.search(message, told) for told in result.results[0].messages), result
    constant = prices.validate(TERMINAL.drop("Date"), mapping=LAYOUT.model_copy(
        update={"constants": {**IDS, "date": "2024121"}}
    ))  # fmt: skip
    assert [(f.rule, f.column) for f in constant.faults][:1] == [("unreadable", "date")]


def test_the_code_of_the_page_runs(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "vendor_files.md").read_text(), flags=re.DOTALL
    )
    monkeypatch.chdir(tmp_path)
    yahoo(tmp_path / "yahoo")
    later = pl.col("Date").dt.offset_by("10d")
    sectors = pl.DataFrame({
        "date": DAYS[0], "ticker": ["A", "B", "C"], "sector": ["Energy", "Financials", "Financials"],
        "industry": ["Other", "Other", "Banks"],
    })  # fmt: skip
    scope = {
        "client": client, "terminal": TERMINAL.with_columns(later), "sectors": sectors,
        "matrix": pl.DataFrame({"date": [dt.date(2024, 2, 1)], "AAPL": [1.0], "MSFT": [2.0]}),
    }  # fmt: skip
    exec(compile("\n".join(blocks), "vendor_files.md", "exec"), scope)
    assert scope["prices"].get_data().collect().height == 10  # type: ignore[attr-defined]
    codes = client.equity.uploaders["hierarchies"]["industry"].get_data().collect()["code"].sort().to_list()
    assert codes == ["Energy", "Energy/Other", "Financials", "Financials/Banks", "Financials/Other"]
