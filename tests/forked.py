"""Work in a forked process: what it breaks or leaves behind is gone with it, and it may be killed."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import Any

import torch


def exit_status(work: Callable[[], Any]) -> int:
    """Do something in a process of its own.

    Returns: its exit status, 1 with a printed traceback where it fails, below zero for the signal that ended it.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            # Torch lets go of the parent's threads where a thread first asks for their number; two at once collide.
            torch.set_num_threads(torch.get_num_threads())
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
