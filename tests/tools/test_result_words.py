"""Words of errors."""

from livewidget.tools.result import describe_error, first_line


def test_a_failure_is_a_type_and_one_line():
    assert describe_error(ValueError("first\nsecond")) == "ValueError: first"
    assert describe_error(KeyError()) == "KeyError"
    assert len(first_line(ValueError("x" * 1000))) == 200

    class Odd(Exception):
        def __str__(self):
            raise RuntimeError

    assert describe_error(Odd()) == "Odd"
