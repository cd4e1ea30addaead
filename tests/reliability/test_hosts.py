"""Programs that use numba, Pillow and warnings themselves, and have kmq as a guest."""

from __future__ import annotations

from conftest import needs_numba

from reliability.programs import expected, run
from reliability.test_forks import HOSTS_KERNEL

BESIDE_A_HOST = """
stop = threading.Event()
numbers = np.zeros(1_000_000)

def work():
    while not stop.is_set():
        hosts_kernel(numbers)

host = threading.Thread(target=work)
host.start()
try:
    for _ in range(10):
        assert encoded() == sys.argv[1]
finally:
    stop.set()
    host.join()
"""


@needs_numba
def test_kmq_encodes_while_the_host_is_in_a_parallel_kernel_of_its_own(layer):
    run(HOSTS_KERNEL + BESIDE_A_HOST, expected(), **layer)


LEFT_ALONE = """
import gc, locale, random, signal, warnings
import numba
from PIL import Image, ImageFile

def settings():
    numbas = {name: value for name, value in vars(numba.config).items() if name.isupper()}
    pillows = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, Image.WARN_POSSIBLE_FORMATS
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    return {
        "numba": numbas,
        "threads of numba": numba.get_num_threads(),
        "chunk size of numba": numba.get_parallel_chunksize(),
        "Pillow": pillows,
        "warnings": warnings.filters[:],
        "signals": handlers,
        "environment": dict(os.environ),
        "garbage collector": gc.isenabled(),
        "threads": threading.active_count(),
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "random numbers": (random.getstate(), np.random.get_state()[1].tolist()),
        "floating point": np.geterr(),
        "hooks": (sys.excepthook, sys.meta_path[:], threading.excepthook),
    }

numba.set_num_threads(2)
before = settings()
encoded()
after = settings()
assert before == after, [name for name in before if before[name] != after[name]]
"""


@needs_numba
def test_kmq_leaves_every_setting_of_its_host_as_it_was():
    run(LEFT_ALONE, NUMBA_NUM_THREADS="4")
