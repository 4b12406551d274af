"""What holds for all tests."""

import signal

import pytest
import torch
from support.domains import claimed

# Started in the background, as by `make test &`, they would hand on to every process of theirs that
# it is to ignore Ctrl-C, and some of them test what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Small models: one thread is faster than two that wait for each other.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def dds_domain():
    """A DDS domain that this run has to itself."""
    with claimed() as number:
        yield number


@pytest.fixture
def domain(monkeypatch, dds_domain):
    """Have what a test does, and the processes that it starts, stay in the run's own domain."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(dds_domain))
    monkeypatch.delenv("CYCLONEDDS_URI", raising=False)
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    return dds_domain
