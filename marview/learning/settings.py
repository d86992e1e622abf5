"""Settings of a method's network: the `[network]` table of a recipe, stored with the weights."""

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
    """Base class of the network settings of a method; unknown names are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def settings_of(kind: type[S], values: Mapping[str, Any], of: str) -> S:
    """Check settings from a recipe or a weights file.

    Args:
        kind: pydantic model of the settings.
        values: values in the file.
        of: name of the method, for messages.

    Raises:
        BadInput: a name is unknown or a value is wrong.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise BadInput(
            f"The network settings of {of} are invalid: {wrong_field(error, kind)} Correct the [network] table "
            "of the recipe, or use weights of this version of the method."
        ) from error
