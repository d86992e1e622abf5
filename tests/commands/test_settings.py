"""`--set` names a parameter and, if there are several methods, the method."""

import pytest

from marview.commands.settings import parse_settings_by_method
from marview.errors import UsageError


def test_one_method_need_not_be_named() -> None:
    assert parse_settings_by_method(["steps=2", "nmar.sigma_mm=1.5"], ["nmar"]) == {
        "nmar": {"steps": 2, "sigma_mm": 1.5}
    }


def test_each_of_several_methods_gets_its_own_values() -> None:
    found = parse_settings_by_method(["a.steps=2", "b.steps=3"], ["a", "b"])
    assert found == {"a": {"steps": 2}, "b": {"steps": 3}}


@pytest.mark.parametrize(
    ("word", "said"), [("steps=2", "does not say which method"), ("c.steps=2", "not one of the methods")]
)
def test_a_value_for_no_method_is_refused(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_settings_by_method([word], ["a", "b"])
