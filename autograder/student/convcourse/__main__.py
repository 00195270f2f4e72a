"""``python -m convcourse``: the same as the command ``autograder``."""

import sys

from convcourse.cli import main

sys.exit(main())
