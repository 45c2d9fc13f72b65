"""openfactor: from a team's own tables to an equity factor risk model.

    from openfactor import Client
    client = Client.local("my-workspace")

Settings are in `openfactor.settings`, what calls return in `openfactor.results`, errors in
`openfactor.errors`, simulated data in `openfactor.synthetic`. Importing this package loads no engine.
"""

import logging

from openfactor import errors, settings
from openfactor.client.client import Client

__all__ = ["Client", "errors", "settings"]
logging.getLogger(__name__).addHandler(logging.NullHandler())  # nothing is printed unless asked for
__version__ = "0.1.0"
