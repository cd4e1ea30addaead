"""`kmq demo`: the whole way there and back, on a picture that kmq draws itself."""

from __future__ import annotations

import click

from kmq.cli.common import for_each, refuse_existing, say, tell_compiling
from kmq.errors import KmqError
from kmq.files import write_whole

ORIGINAL, ENCODED, DECODED = "kmq-demo.png", "kmq-demo.kmq", "kmq-demo-decoded.png"


@click.command()
@click.option("-f", "--force", is_flag=True, help="Replace the files of an earlier demo.")
def demo(force: bool) -> None:
    """Draw a picture, encode it in 64 colours, decode it, and print what happened.

    Leaves kmq-demo.png, kmq-demo.kmq and kmq-demo-decoded.png in the current directory.

    \b
    Example:
      kmq demo
    """

    def run(_: str) -> None:
        for name in (ORIGINAL, ENCODED, DECODED):
            refuse_existing(name, force=force)
        _run(force)

    tell_compiling()
    for_each(["demo"], run)


def _run(force: bool) -> None:
    from PIL import Image

    from kmq import codec, pixels
    from kmq.cli.demo_picture import draw
    from kmq.quality import psnr

    rgb = draw()
    original = pixels.to_file(Image.fromarray(rgb), ".png")
    indexed = codec.quantize(rgb, 64)
    data = codec.encode(indexed)
    write_whole(ORIGINAL, original, overwrite=force)
    write_whole(ENCODED, data, overwrite=force)
    loaded = codec.load(ENCODED)
    decoded = pixels.to_file(loaded.to_pil(), ".png")
    write_whole(DECODED, decoded, overwrite=force)
    head = codec.info(data)
    say(
        f"{ORIGINAL:<22} {len(original):>9,} bytes  {head.width}x{head.height} PNG, true colour\n"
        f"{ENCODED:<22} {len(data):>9,} bytes  {head.colors} colours, {psnr(rgb, indexed):.1f} dB\n"
        f"{DECODED:<22} {len(decoded):>9,} bytes  the same pixels as PNG-8\n"
        f"24K + N log2 K is {head.theoretical_bits / 8:,.0f} bytes. "
        f"Decoded and compared: {'equal' if loaded == indexed else 'DIFFERENT'}."
    )
    if loaded != indexed:
        raise KmqError(f"{ENCODED} was decoded to other pixels than were encoded")
