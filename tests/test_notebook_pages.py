"""The notebooks of docs/notebooks: they run, and what their prose says is true."""

from __future__ import annotations

import json
import re

import pytest
from conftest import ROOT

FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}

CLAIMS = {
    "e-paper.ipynb": """
# Six colours; number 4 is not used; 0 is black and 1 is white.
assert panel.numbers == [0, 1, 2, 3, 5, 6]
assert panel.nominal[:2] == ("000000", "ffffff")
assert set(np.unique(dithered.indices)) <= set(panel.numbers)
# Its white is a light grey, and white relative to itself.
assert panel.measured[1] != "ffffff" == panel.matched[1]
# Without dithering, most of the sky is one flat white.
assert (nearest.indices[:150, 400:650] == 1).mean() > 0.95
# Dithering comes closer, more so with measured colours; less strength is less true.
assert error(dithered) < error(nominal) < error(nearest)
assert error(dithered) < error(variants["Diffusion, strength 0.5"]) < error(nearest)
# The command line writes the same bytes, and a header.
assert len(frame) == 800 * 480 // 2 == (folder / "frame.bin").stat().st_size
assert (folder / "frame.bin").read_bytes() == frame
assert "static const uint8_t frame[192000]" in (folder / "frame.h").read_text()
# The file is smaller, and has the same numbers.
assert len(data) < len(frame)
assert np.array_equal(kmq.load(data).indices, numbers)
# RGB565: the lowest bits repeat the highest, so that 31 and 63 become 255.
fives, sixes = coarse.palette[:, [0, 2]], coarse.palette[:, 1]
assert (fives == (fives >> 3 << 3 | fives >> 5)).all()
assert (sixes == (sixes >> 2 << 2 | sixes >> 6)).all()
""",
    "sprite-sheet.ipynb": """
# One palette for all stands between a palette for each and one found for one sprite.
for name, one, two, three in zip(sprites, *errors.values()):
    assert one < two
    assert two < three or name == "mushroom"
# Each pixel becomes either clear or opaque.
assert set(np.unique(indexed.to_rgba()[..., 3]).tolist()) == {0, 255}
# Counted together, the sprites have the palette of their sheet.
assert (sheets[16].palette == palette.colors).all()
# The purple has become grey; with 32 colours it is back; it can be pinned.
def green_deficit(rgba):
    red, green, blue = rgba[48 + 33, 3 * 48 + 24, :3].astype(int)
    return min(red, blue) - green
assert green_deficit(sheet) > 80
assert green_deficit(sheets[16].to_rgba()) < 30
assert green_deficit(sheets[32].to_rgba()) > 50
# Black is nearly black, until it is pinned; pinned colours have the first numbers.
assert (0, 0, 0, 255) not in set(map(tuple, palette.colors.tolist()))
assert pinned.colors[:2].tolist() == [[0, 0, 0, 255], [186, 85, 211, 255]]
# The .kmq file takes less than half of the PNG and of the eight files.
assert kmq.load(kmq.encode(indexed)) == indexed
assert sizes["16 colours, .kmq"] < 0.5 * sizes["16 colours, PNG"]
assert sizes["16 colours, .kmq"] < 0.5 * sizes["eight .kmq files, 16 colours each"]
""",
    "step-by-step.ipynb": """
# A photograph has tens of thousands of colours.
assert len(np.unique(pixels, axis=0)) > 20_000
# We look at a pixel of the roof; orange is nearest to it.
assert names[distances.argmin()] == "orange"
# Neither step ever raises the error.
assert error_after < error_before
for each in (*at_random, *plus_plus, result):
    errors = [step.error for step in each.history]
    assert (np.diff(errors) <= 1e-9 * errors[0]).all()
# k-means++ is the better start.
for entry in (0, -1):
    medians = [
        np.median([each.history[entry].error for each in tries]) for tries in (at_random, plus_plus)
    ]
    assert medians[1] < medians[0]
# Most of the work is done early.
errors = [step.error for step in result.history]
assert result.has_converged
assert errors[0] - errors[5] > 0.9 * (errors[0] - errors[-1])
# quantize goes on searching after the first local minimum.
assert ((quantized[16].to_rgb() - picture.astype(float)) ** 2).sum() < result.error
# The file is smaller than the formula, which is info's.
assert all(size < bits for size, bits in zip(files, theory))
assert [kmq.info(kmq.encode(quantized[k])).theoretical_bits / 8 for k in counts] == theory
# As many digits as before with eight greys, more than nine of ten with two.
by_greys = dict(zip(levels, accuracies))
assert by_greys[17] == model.score(test.reshape(len(test), -1) / 16, test_names)
assert by_greys[17] - by_greys[8] < 0.01
assert by_greys[2] > 0.9
""",
}
"""Checks, run after the cells of each notebook, with the sentences that they hold."""


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_every_notebook_has_its_claims_checked():
    assert [path.name for path in NOTEBOOKS] == sorted(CLAIMS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"] == KERNEL
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_one_title_and_links_to_files(path):
    prose = ["".join(cell["source"]) for cell in cells_of(path) if cell["cell_type"] == "markdown"]
    assert prose[0].startswith("# ")
    assert len(re.findall(r"^# ", "\n".join(prose), re.MULTILINE)) == 1
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", "\n".join(prose)):
        assert (FOLDER / target).is_file(), target


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_keeps_its_word(path, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient (extra notebooks)")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient (extra notebooks)")
    pytest.importorskip("ipykernel", reason="needs ipykernel (extra notebooks)")
    pytest.importorskip("sklearn", reason="needs scikit-learn (extra notebooks)")
    pytest.importorskip("matplotlib", reason="needs matplotlib (extra notebooks)")

    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell(CLAIMS[path.name]))
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()

    warned = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert warned == []
