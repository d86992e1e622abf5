"""Settings of a method's network: the table `[network]` of a recipe, which is kept with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marview.errors import BadInput
from marview.mar.manifest import wrong_field

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]

S = TypeVar("S", bound=BaseModel)


class NetworkSettings(BaseModel):
    """Base of such models: names that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def settings_of(kind: type[S], values: Mapping[str, Any], of: str) -> S:
    """Settings of a recipe or of a weights file.

    Args:
        kind: their model.
        values: as the file has them.
        of: the method, for the sentence.

    Raises:
        BadInput: a name or value that is not known.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise BadInput(
            f"The settings of the networks of {of} are wrong: {wrong_field(error)}; correct the table [network] of the "
            "recipe, or take weights of this version of the method."
        ) from error
