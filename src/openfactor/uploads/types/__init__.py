"""The data types that can be uploaded; one file each."""

from openfactor.uploads.schema import DataType
from openfactor.uploads.types.exchange_dates import EXCHANGE_DATES
from openfactor.uploads.types.exchange_rates import EXCHANGE_RATES
from openfactor.uploads.types.exposures import EXPOSURES
from openfactor.uploads.types.idmap import IDMAP
from openfactor.uploads.types.market_cap import MARKET_CAP
from openfactor.uploads.types.price import PRICE

DATA_TYPES: dict[str, DataType] = {
    t.name: t for t in (EXCHANGE_DATES, EXCHANGE_RATES, EXPOSURES, IDMAP, MARKET_CAP, PRICE)
}
"""By name, sorted."""

__all__ = ["DATA_TYPES", "EXCHANGE_DATES", "EXCHANGE_RATES", "EXPOSURES", "IDMAP", "MARKET_CAP", "PRICE"]
