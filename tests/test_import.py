"""What `import openfactor` loads."""

import subprocess
import sys

ENGINE = {"numba", "scipy", "numpy", "polars", "deltalake", "sqlalchemy", "tqdm"}


def test_importing_the_package_loads_no_engine() -> None:
    program = "import openfactor, sys; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "openfactor.settings" in shown.stdout.split()
    assert ENGINE.isdisjoint(shown.stdout.split())
