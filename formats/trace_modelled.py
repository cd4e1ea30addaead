"""Print each decision of a file's modelled stripes, to compare with a decoder being written.

    python trace_modelled.py picture.kmq

One line per decision: its number in the stripe, the pixel, the decision, the log-odds of its
inputs, p, span and low before it, and the answer. Below it, one line per input: context,
check, and the slot's probability and count before the decision.
"""

import sys
from pathlib import Path

import reference_decoder
import reference_modelled

HEADING = "   no pixel decision    log-odds of the inputs               p span          low"


def trace(data):
    """Return the lines that describe all decisions of a whole file."""
    lines = []

    class TracingCoder(reference_modelled.Coder):
        """A coder that records each decision and its answer."""

        def __init__(self, body):
            super().__init__(body)
            lines.append(HEADING)
            self.decisions = 0

        def decide(self, contexts, mixers):
            states = [self.slot(*context) for context in contexts]
            low, span, position = self.low, self.span, self.position
            yes = super().decide(contexts, mixers)
            shift = 16 if self.position > position else 0
            bound = self.span >> shift if yes else span - (self.span >> shift)

            kind, *rest = contexts[0][0]
            decision = {"equal": f"guess {rest[0]}", "node": f"node {rest[0]}"}.get(kind, kind)
            odds = " ".join(str(reference_modelled.STRETCH[chance >> 6]) for chance, _ in states)
            lines.append(
                f"{self.decisions:5} {self.pixel:5} {decision:<8} {odds:<38}"
                f"{bound // (span >> 16):5} {span:13x} {low:12x} {'yes' if yes else 'no'}"
            )
            for number, (context, (chance, count)) in enumerate(
                zip(contexts, states, strict=True), 1
            ):
                parts = list(flattened(context[0]))
                parts[0] = {0: "h4", 1: "h10", 2: "h40"}.get(parts[0], parts[0])
                name = " ".join(map(str, parts))
                lines.append(
                    f"{number:11}. {name:<28} check {context[1]:3}, {chance:6}, count {count}"
                )
            self.decisions += 1
            return yes

    plain = reference_modelled.Coder
    reference_modelled.Coder = TracingCoder
    try:
        reference_decoder.decode(data)
    finally:
        reference_modelled.Coder = plain
    return lines


def flattened(name):
    """Yield the parts of a context's name, whose tuples may be nested."""
    for part in name:
        if isinstance(part, tuple):
            yield from flattened(part)
        else:
            yield part


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python trace_modelled.py FILE.kmq")
    print("\n".join(trace(Path(sys.argv[1]).read_bytes())))
