import math
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from marview.wrong_value import must_be, one_of


class Settings(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    steps: Annotated[int, Field(gt=0, le=10)] = 1
    kind: Literal["raw", "prior"] = "raw"
    name: Annotated[str, Field(min_length=1)] = "a"
    is_on: bool = True
    pair: Annotated[tuple[int, ...], Field(min_length=2, max_length=2)] = (1, 2)
    table: dict[str, int] = Field(default_factory=dict)
    odd: int = 1

    @field_validator("odd")
    @classmethod
    def _is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"{value} is even; use an odd number")
        return value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("share", "much", "must be a number"),
        ("share", math.nan, "must be a finite number"),
        ("share", -0.5, "must be 0 or more"),
        ("share", 1, "must be less than 1"),
        ("steps", 1.5, "must be a whole number"),
        ("steps", "some", "must be a whole number"),
        ("steps", 0, "must be more than 0"),
        ("steps", 11, "must be 10 or less"),
        ("kind", "truth", "must be 'raw' or 'prior'"),
        ("name", "", "must not be empty"),
        ("name", 3, "must be text in quotation marks"),
        ("is_on", "perhaps", "must be true or false"),
        ("pair", 3, "must be a list"),
        ("pair", [1], "must have at least 2 values"),
        ("pair", [1, 2, 3], "must have at most 2 values"),
        ("table", 3, "must be a table"),
        ("odd", 2, "2 is even; use an odd number"),
    ],
)
def test_refused_value_is_described_in_plain_words(name: str, value: Any, words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({name: value})
    assert must_be(refusal.value.errors()[0]) == words


def test_nan_is_not_a_finite_number_whatever_limit_it_breaks() -> None:
    class Bounded(BaseModel):
        share: Annotated[float, Field(ge=0, le=1)] = 0.5

    with pytest.raises(ValidationError) as refusal:
        Bounded.model_validate({"share": math.nan})
    assert must_be(refusal.value.errors()[0]) == "must be a finite number"


def test_one_value_is_a_choice_too() -> None:
    assert one_of(["cpu"]) == "cpu"
    assert one_of(["cpu", "cuda"]) == "cpu or cuda"
