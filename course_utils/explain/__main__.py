"""``python -m course_utils.explain < traceback.txt``"""

from __future__ import annotations

import sys

from course_utils.errors import CourseError
from course_utils.explain import explain_error


def main() -> int:
    """0 where the error is known, 1 where it is not, 2 where there is no text."""
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]  # a log may hold anything
    try:
        found = explain_error(sys.stdin.read())
    except CourseError as problem:
        print(problem, file=sys.stderr)
        return 2
    print(found)
    return 0 if found.known else 1


if __name__ == "__main__":
    sys.exit(main())
