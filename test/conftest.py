"""What holds for all tests."""

import signal

# Started in the background, as by `make test &`, they would hand on to every process of theirs that
# it is to ignore Ctrl-C, and some of them test what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
