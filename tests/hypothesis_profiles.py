"""How many examples hypothesis draws: a quarter in the profile `quick`, all of them in `ci`."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

FULL = 100


def register() -> None:
    """Register both profiles and load `quick`; `--hypothesis-profile=ci` loads the other one."""
    # kernels are compiled at their first use, and machines are shared: no example has a deadline
    settings.register_profile("quick", deadline=None, print_blob=True, max_examples=FULL // 4)
    settings.register_profile("ci", deadline=None, print_blob=True, max_examples=FULL)
    settings.load_profile("quick")


def examples(number: int, **other: Any) -> settings:
    """Settings of one test: `number` examples in `ci`, a quarter of them in `quick`, but at least three."""
    return settings(max_examples=max(3, number * settings().max_examples // FULL), **other)
