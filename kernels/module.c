/* kmq._kernels: calls the kernels that numba compiled when kmq was built.

   Written to the stable ABI of Python 3.11, so that one build serves every later version.
   Arrays are passed by the buffer protocol and checked against what the kernel was compiled
   for: a wrong argument raises, and compiled code never sees it. */
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>
#include <string.h>

#include "kernels.h"

/* The build checks that every kernel keeps to these. */
enum { MOST_ARGUMENTS = 48, MOST_WORDS = 256, MOST_RESULT_WORDS = 64, MOST_DIMENSIONS = 4 };
/* An array takes this many words, then its shape, then its strides: numba's array structure. */
enum { MEMORY, PARENT, ITEMS, ITEM_SIZE, DATA, SHAPE };

int processor_runs(const char *level); /* processor.c */

typedef struct {
    PyObject *as_array; /* numpy.asarray */
    PyTypeObject *kernel_type;
    PyTypeObject *memory_type;
} State;

/* ---- Memory: what an array that a kernel returned looks at --------------------------- */

typedef struct {
    PyObject_HEAD
    void *memory;    /* allocated by the kernel, or NULL: */
    PyObject *owner; /* part of this argument */
    void *data;
    Py_ssize_t items;
    Py_ssize_t shape[MOST_DIMENSIONS];
    Py_ssize_t strides[MOST_DIMENSIONS];
    Field field;
    char format[2];
} MemoryObject;

static char format_of(Field field) {
    switch (field.kind) {
    case 'i': return field.size == 1 ? 'b' : field.size == 2 ? 'h' : field.size == 4 ? 'i' : 'q';
    case 'u': return field.size == 1 ? 'B' : field.size == 2 ? 'H' : field.size == 4 ? 'I' : 'Q';
    case 'f': return field.size == 4 ? 'f' : 'd';
    default: return '?';
    }
}

static int memory_get_buffer(PyObject *self, Py_buffer *view, int flags) {
    MemoryObject *memory = (MemoryObject *)self;
    *view = (Py_buffer){
        .buf = memory->data,
        .len = memory->items * memory->field.size,
        .itemsize = memory->field.size,
        .readonly = !memory->field.writable,
        .ndim = memory->field.dimensions,
        .format = flags & PyBUF_FORMAT ? memory->format : NULL,
        .shape = memory->shape,
        .strides = memory->strides,
    };
    if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES || (flags & PyBUF_WRITABLE && view->readonly)) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, "only numpy.asarray looks at a kernel's memory");
        return -1;
    }
    Py_INCREF(self);
    view->obj = self;
    return 0;
}

static void memory_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    NRT_decref(((MemoryObject *)self)->memory);
    Py_XDECREF(((MemoryObject *)self)->owner);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot memory_slots[] = {
    {Py_bf_getbuffer, memory_get_buffer},
    {Py_tp_dealloc, memory_dealloc},
    {0, NULL},
};
static PyType_Spec memory_spec = {
    .name = "kmq._kernels.Memory",
    .basicsize = sizeof(MemoryObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = memory_slots,
};

/* Return an array of `words`, numba's array structure. Takes over its reference to memory. */
static PyObject *array_of(State *state, Field field, const int64_t *words, PyObject *owner) {
    MemoryObject *memory = PyObject_New(MemoryObject, state->memory_type);
    if (memory == NULL) {
        NRT_decref((void *)words[MEMORY]);
        return NULL;
    }
    memory->memory = (void *)words[MEMORY];
    Py_XINCREF(owner);
    memory->owner = owner;
    memory->data = (void *)words[DATA];
    memory->items = words[ITEMS];
    for (int i = 0; i < field.dimensions; i++) {
        memory->shape[i] = words[SHAPE + i];
        memory->strides[i] = words[SHAPE + field.dimensions + i];
    }
    memory->field = field;
    memory->format[0] = format_of(field);
    memory->format[1] = 0;
    PyObject *array = PyObject_CallFunctionObjArgs(state->as_array, (PyObject *)memory, NULL);
    Py_DECREF(memory);
    return array;
}

/* ---- Arguments ----------------------------------------------------------------------- */

typedef struct {
    PyObject *object; /* borrowed */
    Py_buffer view;   /* of an array or of one of NumPy's numbers */
    char has_view;
} Argument;

typedef struct {
    int count;
    Argument arguments[MOST_ARGUMENTS];
} Arguments;

static void release(Arguments *given) {
    for (int i = 0; i < given->count; i++)
        if (given->arguments[i].has_view)
            PyBuffer_Release(&given->arguments[i].view);
}

static int add(Arguments *given, PyObject *object) {
    if (given->count == MOST_ARGUMENTS) {
        PyErr_Format(PyExc_TypeError, "expected at most %d arguments", MOST_ARGUMENTS);
        return -1;
    }
    Argument *argument = &given->arguments[given->count];
    argument->object = object;
    argument->has_view = 0;
    if (!PyLong_Check(object) && !PyFloat_Check(object) && PyObject_CheckBuffer(object)) {
        if (PyObject_GetBuffer(object, &argument->view, PyBUF_RECORDS_RO) < 0)
            return -1;
        argument->has_view = 1;
    }
    given->count++;
    return 0;
}

/* Collect the arguments, a tuple's items one by one. */
static int collect(Arguments *given, PyObject *args) {
    for (Py_ssize_t i = 0; i < PyTuple_Size(args); i++) {
        PyObject *object = PyTuple_GetItem(args, i);
        if (!PyTuple_Check(object)) {
            if (add(given, object) < 0)
                return -1;
            continue;
        }
        for (Py_ssize_t item = 0; item < PyTuple_Size(object); item++)
            if (add(given, PyTuple_GetItem(object, item)) < 0)
                return -1;
    }
    return 0;
}

/* Return the kind of a buffer's elements, 0 if they are no numbers in the machine's order. */
static char kind_of(const Py_buffer *view) {
    const char *format = view->format == NULL ? "B" : view->format;
    if (format[0] == 0 || format[1] != 0)
        return 0;
    if (strchr("bhilqn", format[0]) != NULL)
        return 'i';
    if (strchr("BHILQN", format[0]) != NULL)
        return 'u';
    if (strchr("fd", format[0]) != NULL)
        return 'f';
    return format[0] == '?' ? 'b' : 0;
}

static int is_aligned(const Py_buffer *view) {
    if (view->itemsize == 0 || view->strides == NULL) /* ctypes leaves strides out */
        return 0;
    if ((uintptr_t)view->buf % view->itemsize != 0)
        return 0;
    for (int i = 0; i < view->ndim; i++)
        if (view->shape[i] > 1 && view->strides[i] % view->itemsize != 0)
            return 0;
    return 1;
}

static int fits_number(Field field, const Argument *argument) {
    if (argument->has_view) {
        const Py_buffer *view = &argument->view;
        return view->ndim == 0 && kind_of(view) == field.kind && view->itemsize == field.size;
    }
    if (PyBool_Check(argument->object))
        return field.kind == 'b';
    if (PyLong_Check(argument->object)) /* as numba does, take 64 bits for Python's numbers */
        return (field.kind == 'i' || field.kind == 'u') && field.size == 8;
    return PyFloat_Check(argument->object) && field.kind == 'f' && field.size == 8;
}

static int fits_array(Field field, const Argument *argument) {
    const Py_buffer *view = &argument->view;
    return argument->has_view && view->ndim == field.dimensions && view->ndim > 0 &&
           kind_of(view) == field.kind && view->itemsize == field.size && is_aligned(view) &&
           (field.layout == 'A' || PyBuffer_IsContiguous(view, field.layout)) &&
           (!field.writable || !view->readonly);
}

/* Return how many arguments fit a version before one that does not, or their number if all do. */
static int fitting(const Version *version, const Arguments *given) {
    int i = 0;
    for (; i < version->argument_count && i < given->count; i++) {
        Field field = version->arguments[i];
        const Argument *argument = &given->arguments[i];
        if (!(field.dimensions < 0 ? fits_number(field, argument) : fits_array(field, argument)))
            break;
    }
    return i;
}

static const char *name_of(char kind) {
    return kind == 'i' ? "int" : kind == 'u' ? "uint" : kind == 'f' ? "float" : "bool";
}

static PyObject *described_field(Field field) {
    if (field.dimensions < 0)
        return PyUnicode_FromFormat("%s%d", name_of(field.kind), 8 * field.size);
    return PyUnicode_FromFormat(
        "%sarray of %s%d in %d dimensions%s", field.writable ? "writable " : "",
        name_of(field.kind), 8 * field.size, field.dimensions,
        field.layout == 'A' ? "" : field.layout == 'C' ? ", C-contiguous" : ", F-contiguous");
}

static PyObject *described_argument(const Argument *argument) {
    if (!argument->has_view || argument->view.ndim == 0)
        return PyUnicode_FromFormat("%R", (PyObject *)Py_TYPE(argument->object));
    const Py_buffer *view = &argument->view;
    return PyUnicode_FromFormat(
        "%sarray of format '%s' in %d dimensions%s%s", view->readonly ? "read-only " : "",
        view->format == NULL ? "B" : view->format, view->ndim,
        PyBuffer_IsContiguous(view, 'C') ? ", C-contiguous" : "",
        is_aligned(view) ? "" : ", not aligned");
}

static void refuse(const Version *version, const Arguments *given, int fitted) {
    if (fitted == given->count || fitted == version->argument_count) {
        PyErr_Format(PyExc_TypeError, "kernel %s: expected %d arguments, got %d", version->kernel,
                     version->argument_count, given->count);
        return;
    }
    PyObject *expected = described_field(version->arguments[fitted]);
    PyObject *got = described_argument(&given->arguments[fitted]);
    if (expected != NULL && got != NULL)
        PyErr_Format(PyExc_TypeError, "kernel %s: argument %d: expected %U, got %U",
                     version->kernel, fitted + 1, expected, got);
    Py_XDECREF(expected);
    Py_XDECREF(got);
}

static int store_number(int64_t *word, Field field, const Argument *argument) {
    *word = 0;
    if (argument->has_view) {
        memcpy(word, argument->view.buf, field.size);
    } else if (field.kind == 'f') {
        double number = PyFloat_AsDouble(argument->object);
        memcpy(word, &number, sizeof number);
    } else if (field.kind == 'b') {
        *word = argument->object == Py_True;
    } else if (field.kind == 'u') {
        uint64_t number = PyLong_AsUnsignedLongLong(argument->object);
        memcpy(word, &number, sizeof number);
    } else {
        *word = PyLong_AsLongLong(argument->object);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int64_t *store_array(int64_t *words, const Argument *argument) {
    const Py_buffer *view = &argument->view;
    words[MEMORY] = 0;
    words[PARENT] = (int64_t)argument->object;
    words[ITEMS] = view->len / view->itemsize;
    words[ITEM_SIZE] = view->itemsize;
    words[DATA] = (int64_t)view->buf;
    words += SHAPE;
    for (int i = 0; i < view->ndim; i++)
        *words++ = view->shape[i];
    for (int i = 0; i < view->ndim; i++)
        *words++ = view->strides[i];
    return words;
}

/* ---- Results ------------------------------------------------------------------------- */

static int is_whole_argument(const Argument *argument, Field field, const int64_t *words) {
    const Py_buffer *view = &argument->view;
    if ((int64_t)view->buf != words[DATA] || view->ndim != field.dimensions)
        return 0;
    for (int i = 0; i < view->ndim; i++)
        if (view->shape[i] != words[SHAPE + i] || view->strides[i] != words[SHAPE + view->ndim + i])
            return 0;
    return 1;
}

/* Return an array. One without memory of the kernel's is an argument, or a part of one. */
static PyObject *array_result(State *state, Field field, const int64_t *words,
                              const Arguments *given) {
    if (words[MEMORY] != 0)
        return array_of(state, field, words, NULL);
    for (int i = 0; i < given->count; i++) {
        const Argument *argument = &given->arguments[i];
        if (!argument->has_view || (int64_t)argument->object != words[PARENT])
            continue;
        if (is_whole_argument(argument, field, words)) {
            Py_INCREF(argument->object);
            return argument->object;
        }
        return array_of(state, field, words, argument->object);
    }
    PyErr_SetString(PyExc_SystemError, "a kernel returned an array that nobody owns");
    return NULL;
}

static PyObject *number_result(Field field, const void *at) {
    int64_t whole = 0;
    double real;
    float narrow;
    memcpy(&whole, at, field.size);
    switch (field.kind) {
    case 'f':
        memcpy(&real, at, sizeof real);
        memcpy(&narrow, at, sizeof narrow);
        return PyFloat_FromDouble(field.size == 8 ? real : narrow);
    case 'b': return PyBool_FromLong(whole & 1);
    case 'u': return PyLong_FromUnsignedLongLong(whole);
    default:
        whole = (int64_t)((uint64_t)whole << (64 - 8 * field.size)) >> (64 - 8 * field.size);
        return PyLong_FromLongLong(whole);
    }
}

/* Numba returns several results in a structure, each aligned to its own size. */
static PyObject *results_of(State *state, const Version *version, const char *at,
                            const Arguments *given) {
    if (version->result_count == 0 && !version->returns_tuple) {
        Py_INCREF(Py_None);
        return Py_None;
    }
    PyObject *results = PyTuple_New(version->result_count);
    size_t offset = 0;
    for (int i = 0; i < version->result_count; i++) {
        Field field = version->results[i];
        size_t size = field.dimensions < 0 ? field.size : 8;
        offset = (offset + size - 1) / size * size;
        const int64_t *words = (const int64_t *)(at + offset);
        if (field.dimensions >= 0)
            offset += 8 * (SHAPE + 2 * field.dimensions);
        else
            offset += size;
        if (results == NULL) { /* failed before: what is left is only freed */
            if (field.dimensions >= 0)
                NRT_decref((void *)words[MEMORY]);
            continue;
        }
        PyObject *result = field.dimensions >= 0 ? array_result(state, field, words, given)
                                                 : number_result(field, words);
        if (result == NULL || PyTuple_SetItem(results, i, result) < 0)
            Py_CLEAR(results);
    }
    if (results == NULL || version->returns_tuple)
        return results;
    PyObject *only = PyTuple_GetItem(results, 0);
    Py_INCREF(only);
    Py_DECREF(results);
    return only;
}

/* Raise what a kernel raised: the build wrote it as "ValueError:message". */
static void raise_from_kernel(const Version *version, int status, void *exception) {
    const char *text = status > 0 && exception != NULL ? *(const char **)exception : NULL;
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    PyObject *builtins = colon == NULL ? NULL : PyImport_ImportModule("builtins");
    PyObject *name = builtins == NULL ? NULL : PyUnicode_FromStringAndSize(text, colon - text);
    PyObject *type = name == NULL ? NULL : PyObject_GetAttr(builtins, name);
    if (type != NULL)
        PyErr_SetString(type, colon + 1);
    else if (!PyErr_Occurred())
        PyErr_Format(PyExc_RuntimeError, "kernel %s failed with status %d", version->kernel, status);
    Py_XDECREF(type);
    Py_XDECREF(name);
    Py_XDECREF(builtins);
}

/* ---- Kernel: called as the Python function that it was compiled from ------------------ */

typedef struct {
    PyObject_HEAD
    const Version *versions;
    int count;
    int level;
} KernelObject;

static PyObject *run(State *state, const Version *version, int level, const Arguments *given) {
    int64_t words[MOST_WORDS], *word = words;
    int64_t results[MOST_RESULT_WORDS] = {0};
    for (int i = 0; i < given->count; i++) {
        Field field = version->arguments[i];
        if (field.dimensions >= 0)
            word = store_array(word, &given->arguments[i]);
        else if (store_number(word++, field, &given->arguments[i]) < 0)
            return NULL;
    }
    void *exception = NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = version->entries[level](results, &exception, words);
    Py_END_ALLOW_THREADS
    if (status != 0) {
        raise_from_kernel(version, status, exception);
        return NULL;
    }
    return results_of(state, version, (const char *)results, given);
}

static PyObject *kernel_call(PyObject *self, PyObject *args, PyObject *named) {
    KernelObject *kernel = (KernelObject *)self;
    State *state = PyType_GetModuleState(Py_TYPE(self));
    if (named != NULL && PyDict_Size(named) != 0)
        return PyErr_Format(PyExc_TypeError, "kernel %s takes no keyword arguments",
                            kernel->versions->kernel);
    Arguments given;
    given.count = 0;
    PyObject *results = NULL;
    if (collect(&given, args) == 0) {
        const Version *nearest = kernel->versions, *chosen = NULL;
        int most = -1;
        for (int i = 0; i < kernel->count && chosen == NULL; i++) {
            const Version *version = kernel->versions + i;
            int fitted = fitting(version, &given);
            if (fitted == given.count && fitted == version->argument_count)
                chosen = version;
            else if (fitted > most)
                nearest = version, most = fitted;
        }
        if (chosen != NULL)
            results = run(state, chosen, kernel->level, &given);
        else
            refuse(nearest, &given, most);
    }
    release(&given);
    return results;
}

static PyObject *kernel_repr(PyObject *self) {
    KernelObject *kernel = (KernelObject *)self;
    return PyUnicode_FromFormat("<kernel %s for %s, %d versions>", kernel->versions->kernel,
                                levels[kernel->level], kernel->count);
}

static void kernel_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot kernel_slots[] = {
    {Py_tp_call, kernel_call},
    {Py_tp_repr, kernel_repr},
    {Py_tp_dealloc, kernel_dealloc},
    {0, NULL},
};
static PyType_Spec kernel_spec = {
    .name = "kmq._kernels.Kernel",
    .basicsize = sizeof(KernelObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = kernel_slots,
};

/* ---- The module ---------------------------------------------------------------------- */

static PyObject *text_tuple(const char *const *texts) {
    Py_ssize_t count = 0;
    while (texts[count] != NULL)
        count++;
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyObject *text = PyUnicode_FromString(texts[i]);
        if (text == NULL || PyTuple_SetItem(tuple, i, text) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static int level_named(PyObject *name) {
    const char *wanted = PyUnicode_AsUTF8AndSize(name, NULL);
    if (wanted == NULL)
        return -1;
    for (int level = 0; levels[level] != NULL; level++) {
        if (strcmp(levels[level], wanted) != 0)
            continue;
        if (processor_runs(wanted))
            return level;
        PyErr_Format(PyExc_ValueError, "this processor does not run code for %s", wanted);
        return -1;
    }
    PyErr_Format(PyExc_ValueError, "%R is not a level", name);
    return -1;
}

static PyObject *runs(PyObject *module, PyObject *name) {
    const char *level = PyUnicode_AsUTF8AndSize(name, NULL);
    return level == NULL ? NULL : PyBool_FromLong(processor_runs(level));
}

static PyObject *load(PyObject *module, PyObject *name) {
    State *state = PyModule_GetState(module);
    int level = level_named(name);
    if (level < 0)
        return NULL;
    PyObject *kernels = PyDict_New();
    for (const Version *first = versions; kernels != NULL && first->kernel != NULL;) {
        int count = 1;
        while (first[count].kernel != NULL && strcmp(first[count].kernel, first->kernel) == 0)
            count++;
        KernelObject *kernel = PyObject_New(KernelObject, state->kernel_type);
        if (kernel == NULL) {
            Py_CLEAR(kernels);
            break;
        }
        kernel->versions = first;
        kernel->count = count;
        kernel->level = level;
        if (PyDict_SetItemString(kernels, first->kernel, (PyObject *)kernel) < 0)
            Py_CLEAR(kernels);
        Py_DECREF(kernel);
        first += count;
    }
    return kernels;
}

static int add_new(PyObject *module, const char *name, PyObject *value) {
    int status = value == NULL ? -1 : PyModule_AddObjectRef(module, name, value);
    Py_XDECREF(value);
    return status;
}

static int execute(PyObject *module) {
    State *state = PyModule_GetState(module);
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy == NULL)
        return -1;
    state->as_array = PyObject_GetAttrString(numpy, "asarray");
    Py_DECREF(numpy);
    state->kernel_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &kernel_spec, NULL);
    state->memory_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &memory_spec, NULL);
    if (state->as_array == NULL || state->kernel_type == NULL || state->memory_type == NULL)
        return -1;
    if (add_new(module, "levels", text_tuple(levels)) < 0 ||
        add_new(module, "folders", text_tuple(source_folders)) < 0)
        return -1;
    return add_new(module, "stamp", PyUnicode_FromString(source_stamp));
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    State *state = PyModule_GetState(module);
    Py_VISIT(state->as_array);
    Py_VISIT(state->kernel_type);
    Py_VISIT(state->memory_type);
    return 0;
}

static int clear(PyObject *module) {
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->as_array);
    Py_CLEAR(state->kernel_type);
    Py_CLEAR(state->memory_type);
    return 0;
}

static PyMethodDef methods[] = {
    {"load", load, METH_O, "load(level) -> the kernels compiled for it, by name"},
    {"runs", runs, METH_O, "runs(level) -> whether this processor runs code for it"},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};
static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_kernels",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&definition); }
