"""`python -m sagesse` is `sagesse`."""

from sagesse.cli import main

raise SystemExit(main())
