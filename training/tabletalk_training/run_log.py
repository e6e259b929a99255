"""The log of a run as JSON lines."""

import json
from pathlib import Path
from typing import Any


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log. A kill can tear a line: one that is not whole is passed over."""
    out = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            out.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return out


class Log:
    """Appends JSON lines; a torn last line of a killed run is closed first."""

    def __init__(self, path: Path, echo: bool = True):
        self.echo = echo
        self.file = path.open("a+")
        self.file.seek(0)
        if (text := self.file.read()) and not text.endswith("\n"):
            self.file.write("\n")

    def write(self, **fields: Any) -> None:
        line = json.dumps(fields)
        self.file.write(line + "\n")
        self.file.flush()
        if self.echo:
            print(line, flush=True)
