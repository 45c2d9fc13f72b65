"""Where the documents and the real panel are, on machines that have them."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_documents = pytest.mark.skipif(
    not (SHARED / "acceptance").is_dir(), reason="the documents are not on this machine"
)
needs_us500 = pytest.mark.skipif(
    not (SHARED / "data" / "us500").is_dir(), reason="the real panel is not on this machine"
)
