"""All checks, in the order of the report: the inputs that every model depends on come first."""

from openfactor.dataset.quality.caps import (
    cap_carried,
    cap_concentration,
    cap_jump,
    cap_level,
    same_company,
    volatility_unit,
)
from openfactor.dataset.quality.closes import (
    close_against_return,
    price_unit,
    unadjusted_split,
)
from openfactor.dataset.quality.closures import closures_are_sessions, open_weekend, thin_day
from openfactor.dataset.quality.coverage import coverage_collapse, coverage_low, delivery_collapse
from openfactor.dataset.quality.exposures import category_empties, exposure_churn, exposure_scale
from openfactor.dataset.quality.ids import dropped, id_map_validity, id_of_two_companies, id_spelling
from openfactor.dataset.quality.percent import returns_unit
from openfactor.dataset.quality.quiet import repeated_day, unchanged_price, unpriced_name
from openfactor.dataset.quality.rates import rate_jump, rate_level, rate_unchanged
from openfactor.dataset.quality.registry import Check
from openfactor.dataset.quality.returns import (
    extreme_return,
    first_return,
    returns_missing,
    reversed_return,
)
from openfactor.dataset.quality.spans import closures_end, source_begins_late, source_ends, source_gap

CHECKS: tuple[Check, ...] = (
    coverage_collapse, coverage_low, delivery_collapse, thin_day,
    source_ends, closures_end, source_begins_late, source_gap,
    closures_are_sessions, open_weekend,
    dropped, id_spelling, id_map_validity, id_of_two_companies, same_company,
    returns_missing, first_return, returns_unit, extreme_return, reversed_return,
    unadjusted_split, close_against_return, price_unit, repeated_day, unchanged_price, unpriced_name,
    cap_jump, cap_concentration, cap_level, cap_carried, volatility_unit,
    rate_jump, rate_level, rate_unchanged,
    exposure_scale, exposure_churn, category_empties,
)  # fmt: skip
