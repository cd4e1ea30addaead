"""Compiles kmq's kernels at build time; see docs/compiled-kernels.md. Not part of the wheel."""
