"""From numba's compiled functions to object code: the arguments and code of each kernel.

This uses only public names of numba and llvmlite. `Dispatcher.inspect_llvm` returns optimised
IR. Everything in it except the kernel itself becomes private to the module or is dropped, its
exceptions are written as text, and an entry point that loads the arguments from memory is
added, so that C can call every kernel in the same way.
"""

from __future__ import annotations

import pickle
import re
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import types

from kernels.signature import Field, Version

MOST_ARGUMENTS, MOST_WORDS, MOST_RESULT_WORDS, MOST_DIMENSIONS = 48, 256, 64, 4
"""The sizes of the buffers in module.c."""

IN_C = ("NRT_incref", "NRT_decref")
"""Functions defined in memory.c. Numba changes their IR when it generates code from it."""


class UnsupportedError(Exception):
    """A kernel needs something that a compiled module cannot provide."""


def versions_of(dispatcher: Any, name: str) -> list[tuple[Version, Any]]:
    """Return a kernel's versions, each with its signature.

    Signatures with literal values come from calls in other kernels, into which these versions
    are compiled; they are left out.

    Raises
    ------
    UnsupportedError
        If there is none, or one takes or returns a type that module.c does not support.
    """
    found = []
    for signature in dispatcher.signatures:
        if any(isinstance(each, types.Literal) for each in signature):
            continue
        result = dispatcher.overloads[signature].signature.return_type
        arguments = tuple(field for each in signature for field in _fields(each, name))
        results = tuple(_fields(result, name))
        _check_sizes(name, arguments, results)
        version = Version(name, arguments, results, isinstance(result, types.BaseTuple))
        found.append((version, signature))
    if not found:
        raise UnsupportedError(f"kernel {name}: the warm-up never calls it")
    return found


def _fields(type_: Any, name: str, *, in_tuple: bool = False) -> list[Field]:
    if isinstance(type_, types.Array):
        dtype = np.dtype(str(type_.dtype))
        if type_.ndim in range(1, MOST_DIMENSIONS + 1) and type_.aligned:
            return [Field(dtype.kind, dtype.itemsize, type_.ndim, type_.layout, type_.mutable)]
    elif isinstance(type_, types.BaseTuple) and not in_tuple:
        return [field for each in type_ for field in _fields(each, name, in_tuple=True)]
    elif isinstance(type_, types.Boolean):
        return [Field("b", 1)]
    elif isinstance(type_, types.Integer):
        return [Field("i" if type_.signed else "u", type_.bitwidth // 8)]
    elif isinstance(type_, types.Float):
        return [Field("f", type_.bitwidth // 8)]
    elif isinstance(type_, types.NoneType) and not in_tuple:
        return []
    raise UnsupportedError(f"kernel {name}: module.c does not know the type {type_}")


def _check_sizes(name: str, arguments: tuple[Field, ...], results: tuple[Field, ...]) -> None:
    words, result_words = (sum(field.words for field in each) for each in (arguments, results))
    if len(arguments) > MOST_ARGUMENTS or words > MOST_WORDS or result_words > MOST_RESULT_WORDS:
        raise UnsupportedError(f"kernel {name}: module.c has no room for its arguments or results")


def object_code(
    kernels: list[tuple[Any, list[tuple[Version, Any]]]], processor: str, prefix: str
) -> bytes:
    """Return an object file with an entry `{prefix}_{n}` for the n-th of all versions.

    Parameters
    ----------
    kernels
        Each dispatcher with the result of `versions_of`.
    processor
        LLVM's name of the processor that numba compiled for; empty for any of the architecture.
    prefix
        The prefix of the entries' names.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    whole = None
    entries = []
    for dispatcher, versions in kernels:
        for _, signature in versions:
            function = dispatcher.overloads[signature].fndesc.llvm_func_name
            entry = f"{prefix}_{len(entries)}"
            part = _private_module(dispatcher.inspect_llvm(signature), function, entry)
            entries.append(entry)
            if whole is None:
                whole = part
            else:
                whole.link_in(part)
    assert whole is not None
    whole.verify()
    target = llvm.Target.from_triple(whole.triple)
    machine = target.create_target_machine(cpu=processor, features="", opt=3, reloc="pic")
    passes = llvm.create_new_module_pass_manager()
    passes.add_constant_merge_pass()
    passes.add_global_dead_code_eliminate_pass()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    passes.run(whole, builder)
    return machine.emit_object(whole)


def _private_module(ir: str, function: str, entry: str) -> Any:
    """Return a module in which everything is private except `entry`, which calls `function`."""
    module = llvm.parse_assembly(_with_errors_as_text(ir))
    parameters = [str(argument.type) for argument in module.get_function(function).arguments]
    module = llvm.parse_assembly(f"{module}\n{_entry(entry, function, parameters[2:])}")
    for each in module.functions:
        if each.name in IN_C:
            each.linkage = "available_externally"
        elif not each.is_declaration and each.name != entry:
            each.linkage = "internal"
    for each in module.global_variables:
        if not each.is_declaration:
            each.linkage = "internal"
    module.get_function(entry).visibility = "hidden"
    return module


def _entry(entry: str, function: str, types_: list[str]) -> str:
    """Return IR that loads the arguments from words and calls the function."""
    lines = [f"define i32 @{entry}(ptr %results, ptr %exception, ptr %words) {{"]
    values = ["ptr %results", "ptr %exception"]
    for number, each in enumerate(types_):
        lines.append(f"  %p{number} = getelementptr i64, ptr %words, i64 {number}")
        lines.append(f"  %a{number} = load {each}, ptr %p{number}")
        values.append(f"{each} %a{number}")
    lines += [f'  %status = call i32 @"{function}"({", ".join(values)})', "  ret i32 %status", "}"]
    return "\n".join(lines)


_PICKLED = re.compile(
    r"^@\.const\.pickledata\.(\w+) = internal constant \[\d+ x i8\] c\"(.*)\"$", re.MULTILINE
)


def _with_errors_as_text(ir: str) -> str:
    """Return IR in which errors are text, "ValueError:message", instead of numba's pickles.

    The pickles contain file names of the build machine and need Python's unpickler.
    """
    for name, escaped in _PICKLED.findall(ir):
        pickled = pickle.loads(_unescaped(escaped))
        if not isinstance(pickled, tuple):  # a type, for the wrapper that Python would call
            continue
        error, arguments, *_ = pickled
        message = " ".join(map(str, arguments or ()))
        text = f"{error.__name__}:{message}".encode() + b"\0"
        escaped_text = "".join(f"\\{byte:02X}" for byte in text)
        record = "{ ptr, i32, ptr, ptr, i32 }"
        defined = (
            f'@.text.{name} = internal constant [{len(text)} x i8] c"{escaped_text}"\n'
            f"@.const.picklebuf.{name} = internal constant {record} "
            f"{{ ptr @.text.{name}, i32 {len(text)}, ptr null, ptr null, i32 0 }}"
        )
        pattern = rf"^@\.const\.picklebuf\.{name} = .*$"
        ir = re.sub(pattern, lambda _, defined=defined: defined, ir, flags=re.MULTILINE)
    return ir


def _unescaped(text: str) -> bytes:
    """Return the bytes of a string constant in LLVM assembly."""
    return re.sub(
        rb"\\([0-9A-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("latin-1")
    )
