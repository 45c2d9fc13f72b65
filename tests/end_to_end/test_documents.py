"""The documents' own code, run as a user would run it."""

import subprocess
import sys

from tests.shared import SHARED, needs_documents


@needs_documents
def test_custom_dataset_gives_what_the_document_prints() -> None:
    done = subprocess.run(
        [sys.executable, str(SHARED / "acceptance" / "run.py"), "custom_dataset"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all hold" in done.stdout
