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


def test_an_error_of_any_kind_is_described():
    """Whatever the class of a user does, down to its name, there is something to say."""

    class Nameless(type):
        @property
        def __name__(cls):
            raise SystemExit

    class Hidden(Exception, metaclass=Nameless):
        pass

    class Shy(BaseException):
        def __str__(self):
            raise KeyboardInterrupt

    assert describe_error(Hidden()) == "an exception that cannot be described"
    assert describe_error(Shy()) == "Shy"
    group = ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("", [ValueError("the cause")])])
    assert describe_error(group) == "ValueError: the cause"
