"""``python -m practice_hub``: a practice Hub in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys

from practice_hub.server import PracticeHub


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m practice_hub", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default 8765)")
    options = parser.parse_args(arguments)
    try:
        hub = PracticeHub(port=options.port)
    except (OSError, OverflowError) as error:
        print(f"Port {options.port} cannot be used: {error}. Try --port 0.", file=sys.stderr)
        return 1
    print(f"The practice Hub is at {hub.url}", "Point the libraries at it with", sep="\n")
    print(f"    export HF_ENDPOINT={hub.url} HF_HOME=$(mktemp -d)", flush=True)
    hub.serve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
