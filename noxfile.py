"""The test suite on each supported Python: `nox`, or `nox -s tests-3.13`."""

import nox

nox.options.default_venv_backend = "venv"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests against an installed kmq with a separate cache of compiled code."""
    session.install(".[dev]")
    session.env["NUMBA_CACHE_DIR"] = f"{session.create_tmp()}/numba"
    session.run("pytest", *session.posargs)
