"""What all tests share."""

from hypothesis import settings

# kernels are compiled at their first use, and machines are shared: no example has a deadline
settings.register_profile("openfactor", deadline=None, print_blob=True)
settings.load_profile("openfactor")
