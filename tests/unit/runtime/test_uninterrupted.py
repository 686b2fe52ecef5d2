import signal
import threading

import pytest

from brushwork.runtime.uninterrupted import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    done = []

    def block() -> None:
        with uninterrupted():
            signal.raise_signal(number)
            signal.raise_signal(number)
            with uninterrupted():
                done.append("inner")
            done.append("outer")

    try:
        with pytest.raises(KeyboardInterrupt):
            block()
        assert done == ["inner", "outer"]
        assert signal.getsignal(number) is stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_other_threads_and_foreign_handlers_are_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    done = []

    def block() -> None:
        with uninterrupted():
            done.append(1)

    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
        thread = threading.Thread(target=block)
        thread.start()
        thread.join()
        assert done == [1]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_error_in_the_block_comes_through() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), uninterrupted():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before
