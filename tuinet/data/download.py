"""Downloading one file over http or https: bounded, with progress, and with reasons a person understands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tuinet.errors import RunFailedError, TuinetError

TIMEOUT_SECONDS = 30
"""How long a server may say nothing."""

BLOCK = 1 << 16


class DownloadError(RunFailedError):
    """A file that could not be had. `status` is the server's answer, None if there was none."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"{public(url)}: {reason}", "check the address and the connection, then try again")
        self.status = status


def public(url: str) -> str:
    """A URL without the password and the query it may carry, to be shown and written down."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class _Sink:
    """The open file as the downloader sees it: counts, tells, and ends what grows too long."""

    def __init__(self, file: IO[bytes], limit: int, url: str, progress: Callable[[int], None]) -> None:
        self._file, self._limit, self._url, self._progress = file, limit, url, progress
        self._done = 0

    def write(self, block: bytes) -> None:
        self._done += len(block)
        if self._done > self._limit:
            raise TuinetError(f"{public(self._url)}: sends more than the {self._limit:,} bytes that the file can have")
        self._file.write(block)
        self._progress(self._done)

    def flush(self) -> None:
        pass


def download(url: str, target: Path, limit: int, progress: Callable[[int], None]) -> None:
    """Write what `url` gives to `target`, at most `limit` bytes; `progress` is told the bytes so far.

    Raises DownloadError if it cannot be had whole, TuinetError if it is too long. Then `target` may hold a part.
    """
    import pooch
    import requests

    # A server that packs what it sends on the way would have the .gz arrive unpacked, under another hash.
    headers = {"Accept-Encoding": "identity"}
    # The downloader leaves a connection that it gave up on to the garbage collector: ask for what is to be closed.
    with ExitStack() as responses, target.open("wb") as file:

        def remember(response: requests.Response, **_: object) -> None:
            responses.callback(response.close)

        fetch = pooch.HTTPDownloader(
            chunk_size=BLOCK, timeout=TIMEOUT_SECONDS, headers=headers, hooks={"response": remember}
        )
        try:
            fetch(url, _Sink(file, limit, url, progress), None)
        except requests.exceptions.HTTPError as error:
            answer = error.response
            status = None if answer is None else answer.status_code
            raise DownloadError(url, f"the server answers {error}".split(" for url")[0], status) from error
        except requests.exceptions.Timeout as error:
            raise DownloadError(url, f"no answer within {TIMEOUT_SECONDS} s") from error
        except requests.exceptions.ConnectionError as error:
            raise DownloadError(url, "no connection, or it broke off") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise DownloadError(url, "the connection broke off before the end") from error
        except requests.exceptions.RequestException as error:
            raise DownloadError(url, f"the download failed ({error})") from error
