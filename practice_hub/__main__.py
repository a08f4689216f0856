"""``python -m practice_hub``: a practice Hub in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
import socket
import sys

from practice_hub.catalogue import CatalogueError
from practice_hub.server import LOOPBACK, PracticeHub


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m practice_hub", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default 8765)")
    parser.add_argument(
        "--catalogue",
        metavar="DIR",
        action="append",
        default=[],
        help="describe the models of this folder too; may be given more than once",
    )
    parser.add_argument("--auto-approve", action="store_true", help="logins and gates say yes")
    parser.add_argument("--host", default=LOOPBACK, help="0.0.0.0 for a room; needs --room-key")
    parser.add_argument("--room-key", help="what learners put into the address: url/KEY/name")
    options = parser.parse_args(arguments)
    try:
        hub = PracticeHub(
            port=options.port,
            catalogue=options.catalogue,
            auto_approve=options.auto_approve,
            host=options.host,
            room_key=options.room_key,
        )
    except CatalogueError as error:
        print(f"The catalogue cannot be used: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    except socket.gaierror as error:
        print(f"The host {options.host!r} is not one of this machine: {error}.", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        print(f"Port {options.port} cannot be used: {error}. Try --port 0.", file=sys.stderr)
        return 1
    address = hub.url.replace("0.0.0.0", socket.gethostname())
    if options.room_key:
        address += f"/{options.room_key}/your-name"
    print(f"The practice Hub is at {address}", "Point the libraries at it with", sep="\n")
    print("    unset HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HUB_CACHE")
    print(f"    export HF_ENDPOINT={address} HF_HOME=$(mktemp -d)", flush=True)
    hub.serve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
