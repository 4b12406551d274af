"""What holds for all tests."""

import signal

import torch

# Started in the background, as by `make test &`, they would hand on to every process of theirs that
# it is to ignore Ctrl-C, and some of them test what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Small models: one thread is faster than two that wait for each other.
torch.set_num_threads(1)
