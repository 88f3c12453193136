"""What the bench is to find, for the test that it does."""

import logging
import os
import random
import threading
from pathlib import Path
from typing import NoReturn

SECRET = "Xq7-Geheim-Zj4"


def check(rng: random.Random, folder: Path) -> list[str]:
    return rng.choice((sound, traceback, traceback_in_a_thread, leak, crash, hang))()


def sound() -> list[str]:
    print("all is well")
    return [SECRET]


def traceback() -> NoReturn:
    raise ZeroDivisionError("planted")


def traceback_in_a_thread() -> list[str]:
    thread = threading.Thread(target=traceback)
    thread.start()
    thread.join()
    return []


def leak() -> list[str]:
    logging.getLogger("library").warning("connecting with %s", SECRET)
    return [SECRET]


def crash() -> NoReturn:
    os.abort()


def hang() -> list[str]:
    threading.Event().wait()
    return []
