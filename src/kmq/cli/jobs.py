"""What a batch is to do: its inputs found, each with the place of its output."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from kmq.cli.common import STANDARD, display, is_folder

IS_DIRECTORY = "it is a directory; -r takes the files below"
NOTHING_BELOW = "there is nothing to do below it"


@dataclass(frozen=True, kw_only=True)
class Handling:
    """How a batch finds its inputs and treats its outputs: options of the command line."""

    output: str | None = None
    recursive: bool = False
    force: bool = False
    skip_existing: bool = False
    resume: bool = False
    as_json: bool = False
    quiet: bool = False

    @property
    def replaces(self) -> bool:
        """Whether outputs that exist are replaced, if they are made at all."""
        return self.force or self.resume


@dataclass(frozen=True)
class Job:
    """An input and where its result goes; `-` for standard input and output."""

    source: str
    target: str
    folder: str | None = None
    """The directory that it was found below; None if it was named itself."""
    makes_folders: bool = False
    """Whether the folders above the target are made where they are missing."""
    frame: int | None = None
    """The page or frame of the input that is taken, from 1; None if none was chosen."""
    problem: str | None = None
    """Why it cannot be done, where that is known beforehand."""
    is_unwanted: bool = False
    """Whether it was found below a directory and turned out not to be a wanted file."""

    @property
    def is_sought(self) -> bool:
        """Whether it was found in a directory, not named: it is skipped if it is not an image."""
        return self.folder is not None


def plan(
    inputs: Sequence[str],
    handling: Handling,
    *,
    extension: str,
    wanted: Callable[[Path], bool],
    frames_of: Callable[[str], Sequence[int | None]] = lambda _: (None,),
    recognised: Callable[[str], bool] = lambda _: True,
) -> list[Job]:
    """Return the jobs for each input, or for each wanted file below one that is a directory.

    There is one job for each of an input's `frames_of`, and with several of them their
    numbers are part of the outputs' names. Where two files that were found would have the
    same output, such as a picture and notes about it, one that is not `recognised` gives
    way. `extension` is that of the outputs whose names are not given. Below the output
    directory the tree of an input directory is kept. A directory that is named without
    asking for the files below it is a job that cannot be done.

    Raises
    ------
    click.UsageError
        If two named inputs have the same output, or any two standard output, or the
        lines of `as_json` would go there too.
    """
    output = handling.output
    jobs: list[Job] = []
    owners: dict[str, Job] = {}
    for given in inputs:
        folder, found, problem = _look_for(given, handling.recursive, wanted)
        makes_folders = folder is not None or (output is not None and output.endswith(os.sep))
        if problem:
            jobs.append(Job(given, given, problem=problem))
        for source in found:
            frames = frames_of(source)
            for frame in frames:
                target = _target(source, output, extension, folder)
                if target == STANDARD and handling.as_json:
                    raise click.UsageError(
                        "--json prints on standard output, where the file is to go; "
                        "name one with -o"
                    )
                if len(frames) > 1 and frame is not None:
                    target = _numbered(target, frame, len(frames))
                job = Job(source, target, folder, makes_folders, frame)
                owner = _claim(job, owners)
                if owner is not None:
                    job = _without_the_output(job, owner, recognised)
                    if job.problem is None and not job.is_unwanted:
                        owners[_place(target)] = job
                        jobs[jobs.index(owner)] = replace(owner, is_unwanted=True)
                jobs.append(job)
    return jobs


def gather(inputs: Sequence[str], *, recursive: bool, wanted: Callable[[Path], bool]) -> list[Job]:
    """Return the jobs of inputs that have one output together; each has `-` for its own."""
    jobs: list[Job] = []
    for given in inputs:
        folder, found, problem = _look_for(given, recursive, wanted)
        if problem:
            jobs.append(Job(given, STANDARD, problem=problem))
        jobs += [Job(source, STANDARD, folder) for source in found]
    return jobs


def _look_for(
    given: str, recursive: bool, wanted: Callable[[Path], bool]
) -> tuple[str | None, list[str], str | None]:
    """Return an input if it is a directory, its files, and what is wrong with it if anything."""
    if given == STANDARD or not is_folder(given):
        return None, [given], None
    if not recursive:
        return None, [], IS_DIRECTORY
    found = list(files_below(given, wanted))
    return given, found, None if found else NOTHING_BELOW


def _claim(job: Job, owners: dict[str, Job]) -> Job | None:
    """Give its output to a job, or return the job that has it already."""
    if job.target == os.devnull:
        return None
    owner = owners.setdefault(_place(job.target), job)
    return None if owner is job else owner


def _place(target: str) -> str:
    return target if target == STANDARD else os.path.realpath(target)


def _without_the_output(job: Job, owner: Job, recognised: Callable[[str], bool]) -> Job:
    """Return a job whose output another one has: unwanted, or with a problem.

    If it is returned unchanged, the other one is unwanted.
    """
    if job.target == STANDARD:
        raise click.UsageError(
            f"{display(job.source)}: standard output takes one file, and "
            f"{display(owner.source)} is to go there; name a directory with -o"
        )
    problem = f"{display(job.target)} is the output of {display(owner.source)}"
    if not job.is_sought:
        raise click.UsageError(
            f"{display(job.source)}: {problem}; run them one by one, each with its own name "
            "after -o"
        )
    if not recognised(job.source):
        return replace(job, is_unwanted=True)
    if owner.is_sought and not recognised(owner.source):
        return job
    return replace(job, problem=problem)


def files_below(root: str, wanted: Callable[[Path], bool]) -> Iterator[str]:
    """Yield the wanted files below a directory, in an order that does not change.

    Only ordinary ones, or links to such: reading a pipe may never end. Then the folders
    that cannot be listed, for reading them tells why.
    """
    unreadable: list[str] = []
    for folder, folders, names in os.walk(root, onerror=lambda e: unreadable.append(e.filename)):
        folders.sort()
        for name in sorted(names):
            if wanted(path := Path(folder, name)) and _may_be_ordinary(path):
                yield str(path)
    yield from unreadable


def _may_be_ordinary(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # reading it tells why
        return True


def _target(source: str, output: str | None, extension: str, root: str | None) -> str:
    if output is None:
        return STANDARD if source == STANDARD else _with_extension(Path(source), extension)
    if output == STANDARD:
        return STANDARD
    if root is not None:
        return _with_extension(Path(output, Path(source).relative_to(root)), extension)
    if output.endswith(os.sep) or is_folder(output):
        name = "stdin" if source == STANDARD else Path(source).stem
        return str(Path(output, f"{name}{extension}"))
    return output


def _numbered(target: str, number: int, count: int) -> str:
    """Put the number of one of `count` frames into an output's name: name-001.kmq."""
    if target in (STANDARD, os.devnull):
        return target
    path = Path(target)
    return str(path.with_name(f"{path.stem}-{number:0{max(3, len(str(count)))}}{path.suffix}"))


def _with_extension(path: Path, extension: str) -> str:
    # A folder that cannot be listed may be ".", which has no name: reading it fails before.
    return str(path.with_suffix(extension) if path.name else path)
