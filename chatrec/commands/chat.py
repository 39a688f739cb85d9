"""``chatrec chat``: talk to the running bot in the terminal."""

from __future__ import annotations

import argparse
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from chatrec.commands.output import console, show_list
from chatrec.errors import ChatRecError
from chatrec.settings import Settings

if TYPE_CHECKING:
    from chatrec.client import ChatClient

KINDS = ("like", "dislike", "seen", "more", "why")
CLICK = re.compile(rf"(\d+)\s+({'|'.join(KINDS)})|({'|'.join(KINDS)})\s+(\d+)", re.IGNORECASE)
HELP = """\
Type what you feel like watching. About the items of a list:
  1 like   1 dislike   1 seen   1 more (more like it)   1 why
A number alone chooses one of the answers offered. /new starts anew as somebody else, /quit ends."""


def add(commands: Any) -> None:
    command = commands.add_parser(
        "chat",
        help="talk to the running bot in the terminal",
        description="Talk in the terminal to the bot that `make run` started. You stay the same user from one time to "
        "the next; --as chooses another one.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("--url", metavar="URL", help="where the bot is (default: http://localhost:5005/chat)")
    command.add_argument("--as", dest="conversation", metavar="ID", help="who you are: at least 22 letters and digits")
    command.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> None:
    from chatrec.client import ChatClient

    url = args.url or f"http://localhost:{settings.port}/chat"
    remembered = settings.var / "terminal-user"
    talk = Talk(ChatClient(url, args.conversation or known_as(remembered)), console())
    talk.out.print("Chat-REC in the terminal. /help tells what else there is, /quit ends.")
    with History(settings.var / "terminal-history"):
        while (text := ask()) not in (None, "/quit", "/exit"):
            if text == "/new":
                remembered.unlink(missing_ok=True)
                talk = Talk(ChatClient(url, known_as(remembered)), talk.out)
                talk.out.print("You are somebody new.")
            elif text:
                talk.turn(text)


def known_as(remembered: Path) -> str:
    """The id of this terminal's user, made at the first use and then kept in a file only the owner reads."""
    if not remembered.exists():
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.touch(mode=0o600)
        remembered.write_text(secrets.token_hex(16))
    return remembered.read_text().strip()


def ask() -> str | None:
    """One line typed by the user; None at the end of the input."""
    try:
        return input("you> ").strip()
    except EOFError:
        return None


class History:
    """What was typed before, behind the arrow-up key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        import readline

        if self.path.exists():
            readline.read_history_file(self.path)

    def __exit__(self, *_: object) -> None:
        import readline

        readline.set_history_length(500)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        readline.write_history_file(self.path)


class Talk:
    """One conversation: what was shown last decides what "1 like" or "2" mean."""

    def __init__(self, client: ChatClient, out: Console) -> None:
        self.client, self.out = client, out
        self.shown: Mapping[str, Any] = {}  # the list shown last
        self.answers: Sequence[Mapping[str, str]] = ()  # the answers offered last

    def turn(self, text: str) -> None:
        """Send one line and show what comes back. A failure is shown too; the conversation goes on."""
        if text == "/help":
            self.out.print(HELP)
            return
        try:
            for message in self._send(text):
                self._show(message)
        except ChatRecError as error:
            self.out.print(str(error))

    def _send(self, text: str) -> Sequence[Mapping[str, Any]]:
        if found := CLICK.fullmatch(text):
            rank, kind = int(found[1] or found[4]), (found[2] or found[3]).lower()
            item = next((item for item in self.shown.get("items", ()) if item["rank"] == rank), None)
            if item is None:
                return ({"text": f"There is no number {rank} in a list above."},)
            return self.client.click(kind, item["item_id"], self.shown["impression_id"])
        if text.isdecimal() and 1 <= int(text) <= len(self.answers):
            return self.client.say(self.answers[int(text) - 1]["payload"])
        return self.client.say(text)

    def _show(self, message: Mapping[str, Any]) -> None:
        custom = message.get("custom") or {}
        if custom.get("kind") == "list":
            self.shown = custom
            if intro := custom.get("intro"):
                self.out.print(intro)
            show_list(self.out, custom["items"])
        elif message.get("text"):
            self.out.print(message["text"])
        self.answers = message.get("buttons") or ()
        for number, answer in enumerate(self.answers, 1):
            self.out.print(f"  {number}  {answer['title']}", style="cyan")
