"""Find phrases that have a plainer form: `make check` runs this.

It reads the pages, and the docstrings, messages and comments of the sources. Phrases are found
even if they span several lines.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

TEXTS = (
    "*.md",
    "docs/**/*.md",
    "docs/notebooks/*.ipynb",
    "formats/**/*.md",
    "benchmarks/*.md",
    "src/**/*.py",
    "formats/*.py",
    "kernels/*.py",
)

PLAINER = {
    r"lose least": "lose the least",
    r"what (kmq|it|they) stands? on": "dependencies",
    r"and nothing elsewhere": "and touch nothing else",
    r"(that are|come|comes|are|is) (at least )?so close": "reach N dB; are that close",
    r"(its|their) tree kept": "subfolders are preserved",
    r"says? what is wrong where": "reports where a file is damaged",
    r"where it pays": "when that is faster",
    r"knows? nothing of": "never sees; does not depend on",
    r"\b(a file a|an object a|a line an?|a slot an?) \w+": "one file per command",
    r"\bby turns\b": "alternately",
    r"what was aimed at": "targets",
    r"is the table of\b|the table is of\b": "the table was made",
    r"is not its own\b": "is shared",
    r"are no (two|three|four|\w+ witnesses)": "are not independent",
    r"is asked to end": "is stopped by SIGTERM",
    r"for want of": "because there is no; without",
    r"\b(is|are|was|were) told\b": "is reported; is coded as",
    r"(has|have|had) been taken up": "has been consumed",
    r"else an? \w+ for all": "otherwise one further slot for that depth",
    r"comes? through exactly": "is preserved exactly",
    r"as close as that": "equivalent to",
    r"\bas (\w+ ){1,3}(has|have) (it|them)\b": "repr; in the words of",
    r"gives? otherwise than": "corrections to",
    r"\bbe there:": "defined so that",
    r"is seen when it is": "is checked on use",
    r", for (an?|the|it|they|click|there|no) (\w+ ){0,4}(is|are|was|has|have|can|may|holds?)\b": (
        "because"
    ),
    r"\bthe words alone\b": "the message only",
    r"that no \w+ needs": "that no table exceeds",
    r"\bnone but\b": "only",
    r"\bso many\b": "that many; the given number of",
    r"files, all of them\b": "files completely",
    r"comes? less close|come less close": "falls short",
    r"what (\w+ ){1,4}(comes?|came) to\b": "the result of",
    r"what (\w+ ){1,3}makes? of\b": "the result of",
    r"\banew\b": "again",
    r"\b(bits?|bytes?|points?|pixels?|indices|sums?) an? (pixel|index|colour|channel|axis|key)\b": (
        "bits per pixel"
    ),
    r"\b(is|are|be) put together\b|\bput together from\b": "is assembled",
    r"(hold|holds|held) at a time": "in memory at a time",
    r"\b(opened|loaded), and not read yet": "opened but not read yet",
    r"(where|when) (they|it) pays?\b|would not pay\b|(threads|search) pays?\b": "is faster",
    r"\bsays? nothing of\b": "without a note; does not mention",
    r"the lowest index where": "on ties the lowest index",
    r"\bnone other\b": "only",
    r"\bcomes? to (about|the same|what)\b": "is about; equals",
    r"\bafresh\b": "again; with a fresh model",
    r"\bbehind (the|its) (end|metadata|body)\b": "after the end",
    r"\bputs? out\b": "emits; writes",
    r"\bfor lack of\b": "because there is no; without",
    r"\bwhat is no\b": "anything other than",
    r"\bthat (is|are) no (?!longer\b|more\b|less\b|larger\b|smaller\b)\w+": "that is not a",
    r"\bmakes? the same of\b": "gives the same result for",
    r"\b(is|are|be) (not )?heard of\b": "reaches; is printed",
    r"\bstands? beside\b": "is compared with",
    r"\bsome (twenty|thirty|forty|fifty|\d+)\b": "about twenty",
    r"\b(is|are|be|was|were|been) looked at\b": "is read; is checked",
    r"\b(is|are|be|was|were) passed over\b": "is skipped",
    r"\bis what (takes|costs|counts)\b": "takes; costs",
}
"""Patterns (case does not matter; a space is any white space) and what to write instead."""


def phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, phrase and plainer form of each phrase in the text."""
    for pattern, plainer in PLAINER.items():
        # Words may be separated by a line break, followed by a comment sign.
        spaced = pattern.replace(" ", r"(?:[ ]|[ ]*\n[ ]*(?:\#[ ])?)")
        for match in re.finditer(spaced, text, re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            yield line, " ".join(match[0].split()), plainer


def main() -> int:
    """Print every phrase found; return 1 if there is any."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {phrase!r}; plainer: {plainer}"
        for path in sorted({path for texts in TEXTS for path in ROOT.glob(texts)})
        for line, phrase, plainer in sorted(phrases(path.read_text(encoding="utf-8")))
    ]
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
